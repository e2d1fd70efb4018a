import { signal } from '@preact/signals';

const storageKey = 'sluice-token';

/** The token of this tab. It lives in session storage: the browser forgets it with the tab. */
export const token = signal<string | undefined>(sessionStorage.getItem(storageKey) ?? undefined);

/** `refused`: the Admin API wants a token, or another one. `checking`: nothing is known yet. */
export type Access = 'checking' | 'refused' | 'read_only' | 'full';
export const access = signal<Access>('checking');

/** Why the last token was refused; empty before one was tried. */
export const refusal = signal('');

export function keepToken(text: string): void {
  sessionStorage.setItem(storageKey, text);
  token.value = text;
}

export function forgetToken(): void {
  sessionStorage.removeItem(storageKey);
  token.value = undefined;
}
