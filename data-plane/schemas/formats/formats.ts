import { avroFormat } from './avro.ts';
import type { Format } from './format.ts';
import { jsonSchemaFormat } from './json-schema.ts';
import { protobufFormat } from './protobuf.ts';

/** Every kind of schema that can be used, by the registry's `schemaType`. */
export const formats: ReadonlyMap<string, Format> = new Map(
  [avroFormat, jsonSchemaFormat, protobufFormat].map((format): [string, Format] => [format.type, format]),
);
