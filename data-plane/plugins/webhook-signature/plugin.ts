import { pacedLog } from '../../../shared/paced-log.ts';
import {
  standardSecretFault,
  webhookSignatureSchema,
  type WebhookSignatureConfig,
} from '../../../shared/plugin-schemas/webhook-signature.ts';
import { resolveReferences } from '../../../shared/vault.ts';
import { challenge, recognise } from '../../plugin-api/authentication.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition, PluginDeps, PluginInstance } from '../../plugin-api/plugin-definition.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';
import { schemes } from '../webhook-schemes/schemes.ts';
import { isSigned, isTimely, webhookKey, type WebhookKey } from '../webhook-schemes/verify.ts';
import { nodeReplays, type SeenIds } from './replays.ts';

/** Lets webhooks pass whose signature is valid, and writes each of them once. */
export const webhookSignature: PluginDefinition<WebhookSignatureConfig> = {
  version: webhookSignatureSchema.version,
  priority: webhookSignatureSchema.priority,
  publishes: false,
  create(stored, deps) {
    const { value: config, faults } = resolveReferences(webhookSignatureSchema.config, stored, deps.env);
    const all = [...faults, ...secretFaults(config)];
    if (all.length > 0) {
      return { kind: 'faults', faults: all.map(({ path, message }) => ({ path: ['config', ...path], message })) };
    }
    const keys = config.secrets.map((secret) => webhookKey(config.scheme, secret));
    return { kind: 'created', instance: createInstance(config, keys, deps) };
  },
};

/** What a reference stands for is known here alone. */
function secretFaults({ scheme, secrets }: WebhookSignatureConfig) {
  if (scheme !== 'standard') return [];
  return secrets.flatMap((secret, index) => {
    const message = standardSecretFault(secret);
    return message === undefined ? [] : [{ path: ['secrets', index], message }];
  });
}

function createInstance(config: WebhookSignatureConfig, keys: readonly WebhookKey[], deps: PluginDeps): PluginInstance {
  const readHead = schemes[config.scheme];
  const seen = acquireIds(config, deps);
  const stand = compileConsumer(config, deps);
  /** The ids of webhooks whose answer is to come. */
  const passing = new WeakMap<Exchange, string>();
  const refused = (exchange: Exchange, message: string): Answer =>
    plainAnswer(exchange, 401, message, challenge('Signature', null));

  async function access(exchange: Exchange): Promise<Answer | undefined> {
    const head = readHead(exchange.headers);
    // Before the body is read: who signs nothing costs nothing.
    if (head === undefined || head.signatures.length === 0) return refused(exchange, 'No webhook signature found');
    const body = await exchange.readBody();
    if (!isSigned(head, body, keys)) return refused(exchange, 'The webhook signature is not valid');
    if (!isTimely(head, config.tolerance, Date.now())) {
      return refused(exchange, 'The time of the webhook signature is outside the tolerance');
    }
    const id = seen === undefined ? undefined : head.idOf(body);
    if (id !== undefined && seen?.has(id) === true) return duplicate(exchange);
    if (id !== undefined) passing.set(exchange, id);
    return stand(exchange);
  }

  if (seen === undefined) return { access };
  return {
    access,
    response(exchange, answer) {
      const id = passing.get(exchange);
      if (id !== undefined && answer.result?.outcome === 'acked') seen.add(id);
      return answer;
    },
    close: () => seen.release(),
  };
}

function acquireIds(config: WebhookSignatureConfig, { nodeState, pluginId }: PluginDeps): SeenIds | undefined {
  const { replay_window: windowS, replay_max: idsMax } = config;
  if (windowS === 0) return undefined;
  return nodeState.of(nodeReplays).acquire(pluginId, { windowMs: windowS * 1000, idsMax });
}

/** Not an error: senders repeat what was answered 503, and switch an endpoint off that answers 4xx. */
function duplicate(exchange: Exchange): Answer {
  const body = JSON.stringify({ duplicate: true, request_id: exchange.requestId });
  return { status: 200, headers: ['Content-Type', 'application/json; charset=utf-8'], body };
}

/** Compiles for whom a valid signature stands. */
function compileConsumer({ consumer: name, scheme }: WebhookSignatureConfig, deps: PluginDeps) {
  const { credentials, pluginId } = deps;
  const warn = pacedLog((event, message, fields) => deps.log.warn(event, message, fields));
  return (exchange: Exchange): Answer | undefined => {
    if (name === null) return undefined;
    const consumer = credentials.consumer(name);
    if (consumer === undefined) {
      warn('consumer_missing', 'The consumer of a plugin is not there', { consumer: name });
      return plainAnswer(exchange, 500, 'An unexpected error occurred');
    }
    recognise(exchange, consumer, { id: pluginId, name: scheme });
    return undefined;
  };
}
