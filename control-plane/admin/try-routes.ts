import { isRecord } from '../../shared/schema/is-record.ts';
import { auditedTry, parseTry, type TryRequest } from '../../shared/try-request.ts';
import { isUuid } from '../../shared/uuid.ts';
import type { AuditLog } from '../store/audit-log.ts';
import { AdminError, entityNotFound, plainError, schemaViolation } from './admin-error.ts';
import type { Clustering, TryAnswer } from './clustering.ts';
import type { PathAbout } from './openapi.ts';
import type { AdminAnswer, Call, Handlers } from './resource.ts';

/** Runs a sample request on the node of this process. Never rejects. */
export type TryHere = (input: unknown) => Promise<{ readonly status: number; readonly body: object }>;

export interface TryRoutesOptions {
  readonly clustering: Clustering | undefined;
  /** The node of the same process, where there is one. */
  readonly tryHere: TryHere | undefined;
  readonly audit: AuditLog | undefined;
  readonly nodeId: () => string;
  readonly add: (path: string, handlers: Handlers, about?: PathAbout) => void;
}

const text = { type: 'string' };
const about = {
  summary: 'Runs a sample request through match, plugins and encoding, and sends nothing.',
  body: {
    type: 'object',
    required: ['path'],
    properties: {
      method: { ...text, default: 'POST' },
      path: { ...text, description: 'With the query.' },
      protocol: { enum: ['http', 'https', 'grpc', 'grpcs'], default: 'http' },
      host: { ...text, default: 'localhost' },
      headers: { type: 'object', additionalProperties: { type: ['string', 'array'] } },
      body: { description: 'A string as it is; anything else as JSON.' },
      body_base64: text,
      client_address: { ...text, default: '127.0.0.1' },
      as_consumer: { ...text, description: 'Id or username of a consumer, in place of authentication.' },
      plugin: {
        type: 'object',
        description: 'A plugin that is not saved, tried on the route that matches.',
        properties: { name: text, config: { type: 'object' } },
      },
    },
  },
};

/** Adds the endpoints that try a sample request: on a data plane, or on the node of this process. */
export function addTryRoutes({ clustering, tryHere, audit, nodeId, add }: TryRoutesOptions): void {
  if (clustering !== undefined) {
    const handler = async (call: Call): Promise<AdminAnswer> => {
      const id = call.param('id').toLowerCase();
      if (!isUuid(id)) throw entityNotFound();
      const { input, request } = requestOf(call);
      audit?.note({ operation: 'try', entity: 'data-planes', entityId: id, about: auditedTry(request) });
      return answerOf(await clustering.tryRequest(id, Buffer.from(JSON.stringify(input))));
    };
    add('/clustering/data-planes/:id/try', { POST: handler }, about);
  }
  if (tryHere === undefined) return;
  const handler = async (call: Call): Promise<AdminAnswer> => {
    const { input, request } = requestOf(call);
    audit?.note({ operation: 'try', entity: 'data-planes', entityId: nodeId(), about: auditedTry(request) });
    return tryHere(input);
  };
  add('/try', { POST: handler }, about);
}

/** Returns the sample request of a body. Throws AdminError with all faults. */
function requestOf({ body }: Call): {
  readonly input: Readonly<Record<string, unknown>>;
  readonly request: TryRequest;
} {
  if (body?.kind !== 'json') throw plainError(415, 'The sample request must be JSON');
  const parsed = parseTry(body.value);
  if (parsed.kind === 'faults') throw schemaViolation(parsed.faults);
  return { input: body.value, request: parsed.request };
}

/** Turns the answer of a node into one of the Admin API. Throws AdminError. */
function answerOf(answer: TryAnswer): AdminAnswer {
  switch (answer.kind) {
    case 'unknown':
      throw entityNotFound();
    case 'offline':
      throw plainError(409, 'The node is not connected: choose one that is');
    case 'too_old':
      throw plainError(501, 'The version of the node runs no sample requests: upgrade it or choose another');
    case 'late':
      throw plainError(504, 'The node did not answer within 6 s');
    case 'busy':
      throw new AdminError(429, { message: `The node runs ${answer.max} trials already` }, { 'Retry-After': '1' });
    case 'answered':
      return { status: answer.status, body: bodyOf(answer.json) };
    default:
      throw new Error('unknown answer of a node');
  }
}

function bodyOf(json: Buffer): object {
  try {
    const body: unknown = JSON.parse(json.toString());
    if (isRecord(body)) return body;
  } catch {
    // Told below: the node is of a version that answers otherwise.
  }
  throw plainError(502, 'The node gave an answer that is no JSON object');
}
