import type { HeaderList } from './header-list.ts';

/** Some servers read `_` in a name as `-`, so that both forms name a consumer. */
const identity = /^x[-_](?:consumer[-_]|credential[-_]|authenticated[-_]|anonymous[-_]consumer$)/i;
const lowerX = 0x78;

/** Returns whether a header says who sends a request: only this node writes those. */
export function isIdentityHeader(name: string): boolean {
  // Most names end here: this runs for every header of every request.
  return (name.charCodeAt(0) | 0x20) === lowerX && identity.test(name);
}

/** Removes the headers with which a client could pass for a consumer. */
export function dropIdentityHeaders(headers: HeaderList): void {
  headers.removeIf(isIdentityHeader);
}
