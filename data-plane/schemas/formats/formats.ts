import { avroFormat } from './avro.ts';
import type { Format } from './format.ts';

/** Every kind of schema that can be used, by the registry's `schemaType`. */
export const formats: ReadonlyMap<string, Format> = new Map([avroFormat].map((format) => [format.type, format]));
