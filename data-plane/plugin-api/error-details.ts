import type { ErrorDetail } from '../../shared/errors.ts';

/** Text of an answer's details as JSON, in bytes. */
export const detailsBytesMax = 64 * 1024;
/** Characters of a pointer or another text of a detail. */
export const detailTextMax = 300;

export interface AnswerDetails {
  readonly details?: readonly ErrorDetail[];
  /** All faults there are; present where `details` does not list them all. */
  readonly details_total?: number;
}

/**
 * Returns the faults that an answer lists: the first ones, up to `detailsBytesMax`, each text cut at `detailTextMax`. A
 * few bytes of data can have thousands of faults, each of which may quote a name of any length. `total` counts faults
 * that were not collected either.
 */
export function answerDetails(faults: readonly ErrorDetail[] | undefined, total = faults?.length ?? 0): AnswerDetails {
  if (faults === undefined) return {};
  const details: ErrorDetail[] = [];
  let bytes = '[]'.length;
  for (const fault of faults) {
    const detail = shortened(fault);
    bytes += Buffer.byteLength(JSON.stringify(detail)) + ','.length;
    if (bytes > detailsBytesMax) break;
    details.push(detail);
  }
  return details.length < total ? { details, details_total: total } : { details };
}

function shortened(fault: ErrorDetail): ErrorDetail {
  const { pointer, rule, expected, message } = fault;
  return {
    ...fault,
    ...(pointer === undefined ? {} : { pointer: cut(pointer) }),
    ...(rule === undefined ? {} : { rule: cut(rule) }),
    ...(expected === undefined ? {} : { expected: cut(expected) }),
    ...(message === undefined ? {} : { message: cut(message) }),
  };
}

/** Cuts between characters, not within a surrogate pair. */
function cut(text: string): string {
  if (text.length <= detailTextMax) return text;
  // A character has at most two code units; one more shows that the text is longer.
  const characters = Array.from(text.slice(0, (detailTextMax + 1) * 2));
  return characters.length <= detailTextMax ? text : `${characters.slice(0, detailTextMax - 1).join('')}…`;
}
