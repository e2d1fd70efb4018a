/**
 * Removes the members of a name from the text of a JSON object; all others stay as they were written, numbers with all
 * their digits. The text must be valid. Takes one pass.
 */
export function withoutMember(text: string, name: string): string {
  const open = text.indexOf('{');
  const close = text.lastIndexOf('}');
  const kept: string[] = [];
  for (const member of membersOf(text.slice(open + 1, close))) {
    if (member.trim() !== '' && nameOfMember(member).name !== name) kept.push(member);
  }
  return `${text.slice(0, open + 1)}${kept.join(',')}${text.slice(close)}`;
}

/** Yields the members between the braces of an object, as they are written. */
export function* membersOf(text: string): Generator<string> {
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') index = endOfString(text, index);
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    else if (character === ',' && depth === 0) {
      yield text.slice(start, index);
      start = index + 1;
    }
  }
  yield text.slice(start);
}

/** Returns where the quote is that ends a string. */
function endOfString(text: string, from: number): number {
  for (let index = from + 1; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') return index;
    if (character === '\\') index += 1;
  }
  return text.length;
}

/** Splits a member into its name and the text of its value. */
export function nameOfMember(member: string): { readonly name: string; readonly value: string } {
  const start = member.indexOf('"');
  const end = endOfString(member, start) + 1;
  const value = member.slice(member.indexOf(':', end) + 1).trim();
  return { name: String(JSON.parse(member.slice(start, end))), value };
}
