import type { Exchange } from '../../plugin-api/exchange.ts';

/**
 * Returns the text that a client signs: a line for each name, with the values of its header, of which each character is
 * a byte. Takes one pass over the headers, however many names there are.
 */
export function signingString(exchange: Exchange, names: readonly string[]): string {
  const values = new Map<string, string>();
  for (const [name, value] of exchange.headers.entries()) {
    const known = values.get(name);
    values.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return names.map((name) => lineOf(exchange, name, values.get(name.toLowerCase()))).join('\n');
}

function lineOf({ method, receivedTarget, httpVersion }: Exchange, name: string, value: string | undefined): string {
  // First, so that no header of such a name stands for the line.
  if (name === '@request-target') return `${name}: ${method.toLowerCase()} ${receivedTarget}`;
  if (name === 'request-line') return `${method} ${receivedTarget} HTTP/${httpVersion}`;
  return value === undefined ? `${name}:` : `${name}: ${value}`;
}
