import { avroFormat } from './avro.ts';
import type { Format } from './format.ts';
import { jsonSchemaFormat } from './json-schema.ts';

/** Every kind of schema that can be used, by the registry's `schemaType`. */
export const formats: ReadonlyMap<string, Format> = new Map(
  [avroFormat, jsonSchemaFormat].map((format) => [format.type, format]),
);
