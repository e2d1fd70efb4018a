import { get } from './client.ts';
import { recordOf, recordsOf, textOf, type Values } from './read.ts';

export interface Page {
  readonly data: readonly Values[];
  /** Leads to the next page; undefined on the last one. */
  readonly offset: string | undefined;
}

/** Reads one page of a list. */
export async function readPage(
  path: string,
  query: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Page> {
  const text = new URLSearchParams(query).toString();
  const { data, offset } = recordOf(await get(text === '' ? path : `${path}?${text}`, signal));
  return { data: recordsOf(data), offset: textOf(offset) };
}

/** Reads a whole list, page by page. `onProgress` is told after each page and ends the reading with false. */
export async function readAll(
  path: string,
  options: { signal?: AbortSignal; onProgress?: (items: readonly Values[]) => boolean } = {},
): Promise<readonly Values[]> {
  const items: Values[] = [];
  let offset: string | undefined;
  do {
    const page = await readPage(path, { size: '1000', ...(offset === undefined ? {} : { offset }) }, options.signal);
    items.push(...page.data);
    offset = page.offset;
    if (options.onProgress?.(items) === false) break;
  } while (offset !== undefined);
  return items;
}
