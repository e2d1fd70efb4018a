import { status as GrpcStatus } from '@grpc/grpc-js';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import { isLowerCaseUuid } from '../../shared/uuid.ts';
import type { NodeEntry } from './node-entry.ts';

/** The reason why a hello is refused, for the node and for the log. */
export interface HelloRefusal {
  readonly kind: 'refused';
  readonly code: GrpcStatus;
  /** Is told to the node. */
  readonly details: string;
  /** The event of the log line. */
  readonly event: string;
  readonly message: string;
}

/** Bound of `knownChars` of a hello. */
const knownCharsMax = 1024 * 1024;

/** Decides whether a node may not connect, by its hello and by what is known of its id. */
export function helloRefusal(hello: Hello__Output, known: NodeEntry | undefined): HelloRefusal | undefined {
  if (!isLowerCaseUuid(hello.nodeId) || !isLowerCaseUuid(hello.bootId)) {
    const details = 'node_id and boot_id must be UUIDs in lower case';
    return refused(GrpcStatus.INVALID_ARGUMENT, 'node_invalid', 'A node without a valid id was refused', details);
  }
  if (known?.session !== undefined && known.record.bootId !== hello.bootId) {
    const message = 'A second node with the same id was refused; was a data folder copied?';
    const details = `Node ${hello.nodeId} is connected already; a data folder must not be shared by two nodes`;
    return refused(GrpcStatus.ALREADY_EXISTS, 'node_duplicate', message, details);
  }
  if (knownChars(hello) > knownCharsMax) {
    const details = `The names of the plugins, entities and fields that a node knows may have ${knownCharsMax} characters in all`;
    return refused(GrpcStatus.INVALID_ARGUMENT, 'node_invalid', 'A node that names too much was refused', details);
  }
  return undefined;
}

function refused(code: GrpcStatus, event: string, message: string, details: string): HelloRefusal {
  return { kind: 'refused', code, details, event, message };
}

/** Counts the characters of a node's version and of all names that it knows. An empty name counts as one character. */
function knownChars({ version: own, plugins, entityKinds }: Hello__Output): number {
  const names = [
    own,
    ...plugins.flatMap(({ name, version, fields }) => [name, version, ...fields]),
    ...entityKinds.flatMap(({ plural, fields }) => [plural, ...fields]),
  ];
  return names.reduce((sum, { length }) => sum + length + 1, 0);
}
