import { RequestError } from '../../../shared/errors.ts';
import { topicName } from '../../../shared/plugin-schemas/kafka-fields.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { parseTopicTemplate, type TemplatePart } from '../../../shared/plugin-schemas/topic-template.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { singleArg, singleHeader } from '../../plugin-api/header-text.ts';
import { parseArgs } from '../../plugin-api/query-args.ts';
import { captureOf } from './record-key.ts';

/** Topics that one request may name. */
export const topicsMax = 100;

export type TopicRequest = Pick<Exchange, 'query' | 'headers' | 'route'>;
export type TopicOf = (request: TopicRequest) => string;
export type TopicsOf = (request: TopicRequest) => readonly string[];

/**
 * The topic where the request names none: the configured one, or the template's.
 * The function throws RequestError TOPIC_INVALID, TOPIC_NOT_ALLOWED.
 */
export function compileTopic(config: KafkaUpstreamConfig): TopicOf {
  const { topic, topic_template: template } = config;
  if (template === null) return () => topic;
  const parsed = parseTopicTemplate(template);
  // The configuration's checks refuse it; a template must never be taken for less than it says.
  if (parsed.kind === 'fault') throw new Error(`topic_template: ${parsed.message}`);
  const parts = parsed.parts.map(compilePart);
  const check = compileCheck(config);
  return (request) => {
    let name = '';
    for (const part of parts) name += part(request);
    check(name);
    return name;
  };
}

/** The topics that a request names, each once, else that of `compileTopic`. The function throws as there. */
export function compileTopics(config: KafkaUpstreamConfig): TopicsOf {
  const { topics_query_arg: argument } = config;
  const topicOf = compileTopic(config);
  if (argument === null) return (request) => [topicOf(request)];
  const check = compileCheck(config);
  return (request) => {
    const { query } = request;
    const value = query === '' ? undefined : parseArgs(query).get(argument);
    if (value === undefined) return [topicOf(request)];
    const texts = typeof value === 'object' ? value : [value];
    const names = new Set(texts.flatMap((text) => (text === true ? [] : text.split(',').map((name) => name.trim()))));
    names.delete('');
    if (names.size === 0) return [topicOf(request)];
    if (names.size > topicsMax) {
      throw new RequestError('TOPIC_INVALID', `The request names more than ${topicsMax} topics.`);
    }
    for (const name of names) check(name);
    return [...names];
  };
}

/** The text of one part of a template. */
function compilePart(part: TemplatePart): TopicOf {
  switch (part.kind) {
    case 'text':
      return () => part.text;
    case 'path':
      return ({ route }) => present(captureOf(route, part.name), part);
    case 'header': {
      const name = part.name.toLowerCase();
      return ({ headers }) => present(singleHeader(headers, name, 'TOPIC_INVALID', 'topic'), part);
    }
    case 'query':
      return ({ query }) =>
        present(singleArg(parseArgs(query).get(part.name), part.name, 'TOPIC_INVALID', 'topic'), part);
    default:
      throw new Error('unknown part of a topic template');
  }
}

/** An empty part counts as absent: the name would be that of another topic than was meant. */
function present(value: string | undefined, { kind, name }: Exclude<TemplatePart, { kind: 'text' }>): string {
  if (value !== undefined && value !== '') return value;
  throw new RequestError('TOPIC_INVALID', `The request lacks a part of the topic: ${kind}.${name}.`);
}

/** Refuses a name that the request made, when it is not legal or not allowed. */
function compileCheck({ topic, allowed_topics: allowed }: KafkaUpstreamConfig): (name: string) => void {
  const exact = new Set([topic, ...(allowed ?? []).filter((entry) => !entry.endsWith('*'))]);
  const prefixes = (allowed ?? []).filter((entry) => entry.endsWith('*')).map((entry) => entry.slice(0, -1));
  return (name) => {
    if (exact.has(name)) return;
    if (topicName(name) !== undefined) throw new RequestError('TOPIC_INVALID', 'A topic name is not legal.');
    if (!prefixes.some((prefix) => name.startsWith(prefix))) {
      throw new RequestError('TOPIC_NOT_ALLOWED', `The topic '${name}' is not allowed.`);
    }
  };
}
