import { RequestError } from '../../../shared/errors.ts';
import { topicName } from '../../../shared/plugin-schemas/kafka-fields.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { parseTopicTemplate, type TemplatePart } from '../../../shared/plugin-schemas/topic-template.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { singleArg, singleHeader } from '../../plugin-api/header-text.ts';
import { queryArgs } from '../../plugin-api/query-args.ts';
import type { BodyJson } from './body-json.ts';
import { captureOf } from './record-key.ts';
import { compileSource } from './request-source.ts';

/** Topics that one request may name. */
export const topicsMax = 100;

export type TopicRequest = Pick<Exchange, 'query' | 'headers' | 'route'>;
/** `json`: the body, where the topic comes from it. */
export type TopicsOf = (request: TopicRequest, json: BodyJson | null) => readonly string[];

/** Says whether a part of the topic's name comes from the body. */
export function topicNeedsBody({ topic_template: template }: KafkaUpstreamConfig): boolean {
  const parsed = template === null ? null : parseTopicTemplate(template);
  return parsed?.kind === 'ok' && parsed.parts.some(({ kind }) => kind === 'body');
}

/**
 * Compiles the topics of a request: those that it names, each once, else the template's, else the configured one.
 * The function throws RequestError TOPIC_INVALID, TOPIC_NOT_ALLOWED.
 */
export function compileTopics(config: KafkaUpstreamConfig): TopicsOf {
  const { topics_query_arg: argument } = config;
  const defaultOf = compileDefault(config);
  if (argument === null) return defaultOf;
  const check = compileCheck(config);
  return (request, json) => {
    const names = namedTopics(request.query, argument);
    if (names.size === 0) return defaultOf(request, json);
    if (names.size > topicsMax) {
      throw new RequestError('TOPIC_INVALID', `The request names more than ${topicsMax} topics.`);
    }
    for (const name of names) check(name);
    return [...names];
  };
}

/** The topic where the request names none. */
function compileDefault(config: KafkaUpstreamConfig): TopicsOf {
  const { topic_template: template } = config;
  const configured = [config.topic];
  if (template === null) return () => configured;
  const parsed = parseTopicTemplate(template);
  // The configuration's checks refuse it. Reading a template as less than it says would write to another topic.
  if (parsed.kind === 'fault') throw new Error(`topic_template: ${parsed.message}`);
  const parts = parsed.parts.map(compilePart);
  const check = compileCheck(config);
  return (request, json) => {
    let name = '';
    for (const part of parts) name += part(request, json);
    check(name);
    return [name];
  };
}

/** The names in all values of the argument, which are separated by commas. */
function namedTopics(query: string, argument: string): ReadonlySet<string> {
  const names = new Set<string>();
  const value = query === '' ? undefined : queryArgs(query).get(argument);
  if (value === undefined) return names;
  for (const text of typeof value === 'object' ? value : [value]) {
    if (text !== true) for (const name of text.split(',')) names.add(name.trim());
  }
  names.delete('');
  return names;
}

/** The text of one part of a template. */
function compilePart(part: TemplatePart): (request: TopicRequest, json: BodyJson | null) => string {
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
        present(singleArg(queryArgs(query).get(part.name), part.name, 'TOPIC_INVALID', 'topic'), part);
    case 'body': {
      const sourceOf = compileSource(
        { header: null, query_arg: null, body_pointer: part.name },
        'TOPIC_INVALID',
        'topic',
      );
      return (request, json) => present(sourceOf(request, json), part);
    }
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
