import { RequestError } from '../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { KeyClaims } from '../../plugin-api/answered-keys.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import { singleHeader } from '../../plugin-api/header-text.ts';

/** Characters of a key. */
const keyLengthMax = 255;

type Access = (exchange: Exchange) => Promise<Answer>;

/**
 * Compiles the access of requests with an idempotency key: one whose records were acked gives its answer to all later
 * requests with the key. After any other outcome the next request goes through. The keys of one consumer on one route
 * are apart from all others.
 */
export function compileIdempotency(config: KafkaUpstreamConfig, keys: KeyClaims, access: Access): Access {
  if (config.idempotency_key_from === null) return access;
  const name = config.idempotency_key_from.header.toLowerCase();
  return async (exchange) => {
    const text = singleHeader(exchange.headers, name, 'IDEMPOTENCY_KEY_INVALID', 'idempotency key');
    if (text === undefined) return access(exchange);
    if (text === '' || text.length > keyLengthMax) {
      const message = `The idempotency key must have 1 to ${keyLengthMax} characters.`;
      throw new RequestError('IDEMPOTENCY_KEY_INVALID', message);
    }
    // Each message of a call is a request of its own; the first shares its key with the call of it alone.
    const index = exchange.messageIndex ?? 0;
    const key = JSON.stringify([exchange.route?.id, exchange.consumer?.id, config.topic, text, index]);
    const claim = await keys.claim(key);
    if (claim.kind === 'answered') {
      return { ...claim.answer, headers: [...claim.answer.headers, 'idempotency-replayed', 'true'] };
    }
    if (claim.kind === 'under way') {
      throw new RequestError('IDEMPOTENCY_KEY_IN_USE', 'A request with the same idempotency key is under way.');
    }
    let acked: Answer | undefined;
    try {
      const answer = await access(exchange);
      if (answer.result?.outcome === 'acked') acked = answer;
      return answer;
    } finally {
      keys.end(key, acked);
    }
  };
}
