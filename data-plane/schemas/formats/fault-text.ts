/** Characters of a pointer, an expectation or a message that an answer shows. */
export const faultTextMax = 300;

/** Cuts a text that is longer than an answer shows, not within a surrogate pair; it then ends with `…`. */
export function cutText(text: string): string {
  if (text.length <= faultTextMax) return text;
  const isPairCut = /[\ud800-\udbff]/.test(text.charAt(faultTextMax - 2));
  return `${text.slice(0, faultTextMax - (isPairCut ? 2 : 1))}…`;
}

/** Returns JSON text of a value, cut. */
export function jsonShown(value: unknown): string {
  return cutText(JSON.stringify(value));
}
