/**
 * Takes SIGUSR1 from Node.js, which opens a debugger on it: whoever may signal the process could then run code in it.
 * The command line imports this file first, so that no time is left to do so. `node --inspect` still works.
 */
process.on('SIGUSR1', () => undefined);
