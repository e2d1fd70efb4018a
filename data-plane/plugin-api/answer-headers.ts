import type { Answer } from './exchange.ts';

/** Returns an answer with a header, in place of those that had its name. */
export function withAnswerHeader(answer: Answer, name: string, value: string): Answer {
  const lower = name.toLowerCase();
  const headers: string[] = [];
  for (let index = 0; index + 1 < answer.headers.length; index += 2) {
    const known = answer.headers[index] ?? '';
    if (known.toLowerCase() !== lower) headers.push(known, answer.headers[index + 1] ?? '');
  }
  headers.push(name, value);
  return { ...answer, headers };
}
