import { status as GrpcStatus } from '@grpc/grpc-js';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { LogFields, Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import { isLowerCaseUuid } from '../../shared/uuid.ts';
import { boundedText } from './bounded-text.ts';
import type { NodeEntry, NodePeer } from './node-entry.ts';

/** The reason why a hello is refused, for the node and for the log. */
export interface HelloRefusal {
  readonly kind: 'refused';
  readonly code: GrpcStatus;
  /** Is told to the node. */
  readonly details: string;
  /** The event of the log line. */
  readonly event: string;
  readonly message: string;
  /** Set when a row is missing for the node. */
  readonly limit?: 'nodes_max';
}

export interface AdmissionContext {
  /** The row with the node's id. */
  readonly known: NodeEntry | undefined;
  readonly peer: NodePeer;
  /** Tells whether the node's id belongs to the subject of the certificate that first used it. */
  readonly bindSubjects: boolean;
  /** Tells whether there is a row for one more node. */
  readonly hasRoom: () => boolean;
  readonly nodesMax: number;
}

/** Bound of `knownChars` of a hello. */
const knownCharsMax = 1024 * 1024;
/** Bound of the number of labels. */
const labelsMax = 64;
/** Bound of the names and values of all labels together, in characters. */
const labelCharsMax = 4_096;

/** Refuses a node of one kind too many. */
export const tooManyClasses: HelloRefusal = {
  kind: 'refused',
  code: GrpcStatus.RESOURCE_EXHAUSTED,
  details: 'Nodes of too many different versions and plugin sets are connected',
  event: 'node_classes_exceeded',
  message: 'A node was refused: nodes of too many different versions and plugin sets are connected',
};

export interface HelloRefusalsOptions {
  readonly logger: Logger;
  readonly onLimit?: (limit: 'nodes_max', fields: { readonly ip: string }) => void;
}

/** Logs refused nodes. A refused node tries again for ever, so that the lines of each event are paced. */
export class HelloRefusals {
  readonly #options: HelloRefusalsOptions;
  readonly #logs = new Map<string, ReturnType<typeof pacedLog>>();

  constructor(options: HelloRefusalsOptions) {
    this.#options = options;
  }

  /** Logs the refusal and returns it. */
  tell(refusal: HelloRefusal, hello: Hello__Output, peer: NodePeer): HelloRefusal {
    const { logger, onLimit } = this.#options;
    if (refusal.limit !== undefined) onLimit?.(refusal.limit, { ip: peer.ip });
    let log = this.#logs.get(refusal.event);
    if (log === undefined) {
      log = pacedLog((event, message, fields) => logger.error(event, message, fields));
      this.#logs.set(refusal.event, log);
    }
    log(refusal.event, refusal.message, { ...namesOf(hello, peer), reason: refusal.details });
    return refusal;
  }
}

/** Returns the names of a node for log lines. */
export function namesOf({ nodeId, hostname }: Hello__Output, { ip }: NodePeer): LogFields {
  return { node_id: boundedText(nodeId), hostname: boundedText(hostname), ip };
}

/** Decides whether a node may not connect, by its hello and by what is known of its id. */
export function helloRefusal(hello: Hello__Output, context: AdmissionContext): HelloRefusal | undefined {
  return contentRefusal(hello) ?? idRefusal(hello, context);
}

function contentRefusal(hello: Hello__Output): HelloRefusal | undefined {
  if (!isLowerCaseUuid(hello.nodeId) || !isLowerCaseUuid(hello.bootId)) {
    const details = 'node_id and boot_id must be UUIDs in lower case';
    return refused(GrpcStatus.INVALID_ARGUMENT, 'node_invalid', 'A node without a valid id was refused', details);
  }
  const labels = Object.entries(hello.labels);
  const labelChars = labels.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (labels.length > labelsMax || labelChars > labelCharsMax) {
    const details = `A node may have ${labelsMax} labels of ${labelCharsMax} characters in all`;
    return refused(GrpcStatus.INVALID_ARGUMENT, 'node_invalid', 'A node with too many labels was refused', details);
  }
  if (knownChars(hello) > knownCharsMax) {
    const details = `The names of the plugins, entities and fields that a node knows may have ${knownCharsMax} characters in all`;
    return refused(GrpcStatus.INVALID_ARGUMENT, 'node_invalid', 'A node that names too much was refused', details);
  }
  return undefined;
}

function idRefusal(hello: Hello__Output, context: AdmissionContext): HelloRefusal | undefined {
  const { known, peer, bindSubjects, hasRoom, nodesMax } = context;
  const owner = known?.record.owner;
  if (bindSubjects && owner !== undefined && owner !== peer.certificate?.subject) {
    const message = 'A node was refused: its id belongs to another certificate; forget the node if that is intended';
    const details = `Node ${hello.nodeId} belongs to the certificate ${owner}`;
    return refused(GrpcStatus.PERMISSION_DENIED, 'node_certificate_changed', message, details);
  }
  if (known?.session !== undefined && known.record.bootId !== hello.bootId) {
    const message = 'A second node with the same id was refused; was a data folder copied?';
    const details = `Node ${hello.nodeId} is connected already; a data folder must not be shared by two nodes`;
    return refused(GrpcStatus.ALREADY_EXISTS, 'node_duplicate', message, details);
  }
  if (known === undefined && !hasRoom()) {
    const message = 'A node was refused: nodes_max nodes are known; forget offline ones or raise the setting';
    const details = `The control plane knows ${nodesMax} nodes already, which is its setting nodes_max`;
    const refusal = refused(GrpcStatus.RESOURCE_EXHAUSTED, 'nodes_exceeded', message, details);
    return { ...refusal, limit: 'nodes_max' };
  }
  return undefined;
}

function refused(code: GrpcStatus, event: string, message: string, details: string): HelloRefusal {
  return { kind: 'refused', code, details, event, message };
}

/** Counts the characters of a node's version and of all names that it knows. An empty name counts as one character. */
function knownChars({ version: own, plugins, entityKinds }: Hello__Output): number {
  let chars = own.length + 1;
  const add = ({ length }: string): void => void (chars += length + 1);
  for (const { name, version, fields } of plugins) [name, version, ...fields].forEach(add);
  for (const { plural, fields } of entityKinds) [plural, ...fields].forEach(add);
  return chars;
}
