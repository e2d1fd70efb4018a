/** Bound of a name that a node sends, in characters. */
const nameMax = 255;

/** Copies the beginning of a text. V8 keeps the whole text in memory as long as a slice of it is in use. */
export function boundedText(text: string, charsMax = nameMax): string {
  return text.length <= charsMax ? text : Buffer.from(text.slice(0, charsMax)).toString();
}
