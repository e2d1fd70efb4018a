import { randomUUID } from 'node:crypto';
import { correlationIdSchema, type CorrelationIdConfig } from '../../../shared/plugin-schemas/correlation-id.ts';
import { withAnswerHeader } from '../../plugin-api/answer-headers.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';

/** Gives each request an identifier that services, records and answers can carry. */
export const correlationId: PluginDefinition<CorrelationIdConfig> = {
  version: correlationIdSchema.version,
  priority: correlationIdSchema.priority,
  publishes: false,
  isTriable: true,
  create({ header_name: name, generator, echo_downstream: isEchoed }) {
    const lower = name.toLowerCase();
    const generate = generators[generator]();
    return {
      kind: 'created',
      instance: {
        access(exchange) {
          if ((exchange.headers.get(lower) ?? '') === '') exchange.headers.set(name, generate(exchange));
          return undefined;
        },
        ...(isEchoed
          ? {
              response: (exchange, answer) =>
                withAnswerHeader(answer, name, exchange.headers.get(lower) ?? exchange.requestId),
            }
          : {}),
      },
    };
  },
};

/** Each makes a generator for one instance. */
const generators: Readonly<Record<CorrelationIdConfig['generator'], () => (exchange: Exchange) => string>> = {
  uuid: () => () => randomUUID(),
  'uuid#counter': () => {
    const prefix = randomUUID();
    let count = 0;
    return () => `${prefix}#${++count}`;
  },
  tracker: () => {
    let count = 0;
    return ({ peerAddress, port }) =>
      `${peerAddress}-${port}-${process.pid}-${++count}-1-${(Date.now() / 1000).toFixed(3)}`;
  },
};
