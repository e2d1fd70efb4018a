import {
  requestSizeLimitingSchema,
  type RequestSizeLimitingConfig,
} from '../../../shared/plugin-schemas/request-size-limiting.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';

const bytesOf = { megabytes: 2 ** 20, kilobytes: 2 ** 10, bytes: 1 } as const;

/** Refuses bodies that are larger than allowed. */
export const requestSizeLimiting: PluginDefinition<RequestSizeLimitingConfig> = {
  version: requestSizeLimitingSchema.version,
  priority: requestSizeLimitingSchema.priority,
  publishes: false,
  isTriable: true,
  create(config) {
    const bytesMax = config.allowed_payload_size * bytesOf[config.size_unit];
    return {
      kind: 'created',
      instance: {
        access(exchange) {
          const declared = exchange.headers.get('content-length');
          if (declared !== undefined) return Number(declared) > bytesMax ? refusal(exchange) : undefined;
          if (config.require_content_length) {
            return plainAnswer(exchange, 411, 'A valid Content-Length header is required');
          }
          // A body that does not say its length is read, up to the bound of the node.
          return exchange.readBody().then((body) => (body.length > bytesMax ? refusal(exchange) : undefined));
        },
      },
    };
  },
};

function refusal(exchange: Exchange): Answer {
  const isExpecting = exchange.headers.get('expect')?.trim().toLowerCase() === '100-continue';
  return plainAnswer(exchange, isExpecting ? 417 : 413, 'Request size limit exceeded');
}
