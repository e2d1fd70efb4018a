import type { Answer } from './exchange.ts';

/** Returns an answer with a header, in place of those that had its name. */
export function withAnswerHeader(answer: Answer, name: string, value: string): Answer {
  return withAnswerHeaders(answer, [name, value]);
}

/** Returns an answer with these headers, a flat list of names and values, in place of those that had their names. */
export function withAnswerHeaders(answer: Answer, added: readonly string[]): Answer {
  const headers: string[] = [];
  for (let index = 0; index + 1 < answer.headers.length; index += 2) {
    const known = answer.headers[index] ?? '';
    if (!isAmong(added, known)) headers.push(known, answer.headers[index + 1] ?? '');
  }
  for (const part of added) headers.push(part);
  return { ...answer, headers };
}

/** A list has a handful of names: comparing their lengths first leaves next to nothing to compare. */
function isAmong(flat: readonly string[], name: string): boolean {
  for (let index = 0; index < flat.length; index += 2) {
    const one = flat[index] ?? '';
    if (one.length === name.length && one.toLowerCase() === name.toLowerCase()) return true;
  }
  return false;
}
