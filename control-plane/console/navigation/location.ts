import { signal } from '@preact/signals';

const base = '/console';

/** The place within the console: its path without the base, and its query. Filters and open panels stand in the query. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

export const place = signal<Place>(readPlace());

function readPlace(): Place {
  const path = location.pathname.slice(base.length).replace(/\/+$/, '');
  return { path: path === '' ? '/' : path, query: new URLSearchParams(location.search) };
}

/** Returns the address of a place, for links. Empty parameters are left out. */
export function hrefOf(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const entries = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, value]],
  );
  const text = new URLSearchParams(entries).toString();
  return `${base}${path}${text === '' ? '' : `?${text}`}`;
}

/** Returns the address of the present place with some parameters changed. */
export function hrefWith(changes: Readonly<Record<string, string | undefined>>): string {
  const { path, query } = place.value;
  return hrefOf(path, { ...Object.fromEntries(query), ...changes });
}

export function go(href: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  const isOther = new URL(href, location.href).pathname !== location.pathname;
  if (replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  place.value = readPlace();
  if (isOther) {
    scrollTo(0, 0);
    document.querySelector('main')?.focus({ preventScroll: true });
  }
}

/** A form holds changes that are not saved: a link asks before it leaves them. */
export const hasUnsaved = signal(false);

function mayLeave(): boolean {
  return !hasUnsaved.value || confirm('Leave without saving your changes?');
}

/** Follows links within the console without loading the page again, and the browser's back and forward. */
export function followLinks(): void {
  addEventListener('popstate', () => {
    place.value = readPlace();
  });
  document.addEventListener('click', (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.origin !== location.origin) return;
    if (link.pathname !== base && !link.pathname.startsWith(`${base}/`)) return;
    event.preventDefault();
    if (mayLeave()) go(link.href);
  });
}
