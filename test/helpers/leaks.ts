/** Words that stand in the suite for passwords, tokens and keys. No process may ever write one. */
const secretWords = /only-for-tests|planted-|(?:alice|root|second|registry)-password/;
const leaks: string[] = [];

/** Takes a line that a process has written. */
export function noteOutput(line: string): void {
  if (secretWords.test(line)) leaks.push(line);
}

/** The lines with secrets since the last call. */
export function takeLeaks(): string[] {
  return leaks.splice(0);
}
