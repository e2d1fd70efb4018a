import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';

const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));

/**
 * Closes the descriptors of a terminal that has gone since the process started. Node.js restores the modes of terminals
 * when it ends, and aborts with a core dump where one answers EIO.
 */
export function closeDeadTerminal(): void {
  for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
}
