import { signal } from '@preact/signals';
import { recordOf, type Values } from '../../api/read.ts';

/** A sample request as it stands in the form. It lives in memory only: bodies and headers are never part of an address. */
export interface Sample {
  readonly method: string;
  readonly path: string;
  readonly headers: string;
  readonly body: string;
  readonly asConsumer: string;
}

export const sample = signal<Sample>({
  method: 'POST',
  path: '/',
  headers: 'content-type: application/json',
  body: '{}',
  asConsumer: '',
});

/** A plugin that is tried before it is saved, as its form holds it. */
export const unsavedPlugin = signal<Values | undefined>(undefined);

/** Makes the body of the request to the Admin API. Throws a sentence for a header line that is none. */
export function tryBody({ method, path, headers, body, asConsumer }: Sample, plugin: Values | undefined): Values {
  const named: Record<string, string[]> = {};
  for (const line of headers.split('\n')) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error(`A header is written "name: value", which "${line.trim()}" is not.`);
    (named[line.slice(0, colon).trim()] ??= []).push(line.slice(colon + 1).trim());
  }
  return {
    method,
    path,
    headers: named,
    ...(body === '' ? {} : { body }),
    ...(asConsumer === '' ? {} : { as_consumer: asConsumer }),
    ...(plugin === undefined ? {} : { plugin: { name: plugin['name'], config: recordOf(plugin['config']) } }),
  };
}
