import { chmodSync, closeSync, openSync } from 'node:fs';

/** Creates a file, or takes it as it is, so that only its owner can read it: mode 0600 before the first byte. */
export function createPrivateFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}
