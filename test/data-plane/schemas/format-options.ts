import type { FormatOptions } from '../../../data-plane/schemas/formats/format.ts';

/** What a plugin without a word of its own asks of a format. */
export function formatOptions(options: Partial<FormatOptions> = {}): FormatOptions {
  return { payloadEncoding: 'auto', messageName: null, ...options };
}
