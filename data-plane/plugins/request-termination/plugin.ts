import {
  requestTerminationSchema,
  type RequestTerminationConfig,
} from '../../../shared/plugin-schemas/request-termination.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { argNamed } from '../../plugin-api/query-args.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';

/** Answers requests itself: those that have the trigger, or all. */
export const requestTermination: PluginDefinition<RequestTerminationConfig> = {
  version: requestTerminationSchema.version,
  priority: requestTerminationSchema.priority,
  publishes: false,
  isTriable: true,
  create(config) {
    const answer = compileAnswer(config);
    const { trigger } = config;
    if (trigger === null) return { kind: 'created', instance: { access: answer } };
    const header = trigger.toLowerCase();
    const isTriggered = ({ headers, query }: Exchange): boolean =>
      headers.get(header) !== undefined || argNamed(query, trigger) !== undefined;
    return {
      kind: 'created',
      instance: { access: (exchange) => (isTriggered(exchange) ? answer(exchange) : undefined) },
    };
  },
};

/** Kong's messages for statuses. */
const messages: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  500: 'An unexpected error occurred',
  502: 'Bad Gateway',
  503: 'Service unavailable',
};

function compileAnswer(config: RequestTerminationConfig): (exchange: Exchange) => Answer | Promise<Answer> {
  const { status_code: status, body, content_type: type } = config;
  const message = config.message ?? messages[status] ?? '';
  if (config.echo) return (exchange) => echo(exchange, status, message);
  if (body === null) return (exchange) => plainAnswer(exchange, status, message);
  const headers = ['Content-Type', type ?? 'application/json; charset=utf-8'];
  return () => ({ status, headers, body });
}

/** Credentials of the request go back only to whoever sent them. */
async function echo(exchange: Exchange, status: number, message: string): Promise<Answer> {
  const { protocol, host, port, method, path, query, route, requestId } = exchange;
  const body = JSON.stringify({
    message,
    request_id: requestId,
    request: {
      scheme: protocol,
      host,
      port,
      method,
      path,
      query,
      headers: Object.fromEntries(exchange.headers.entries()),
      raw_body: (await exchange.readBody()).toString('utf8'),
      uri_captures: route?.captures ?? {},
    },
    matched_route: { id: route?.id, name: route?.name },
    matched_service: { id: route?.serviceId, name: route?.serviceName },
  });
  return { status, headers: ['Content-Type', 'application/json; charset=utf-8'], body };
}
