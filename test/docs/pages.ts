import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A fenced block of a page. */
export interface Block {
  /** The page's path from the root, with the block's line. */
  readonly place: string;
  readonly language: string;
  /** The word behind the language: how a shell block is to be run; '' when it stands alone. */
  readonly mark: string;
  readonly text: string;
}

/** Returns the paths of README.md and of all pages below docs/, from the root. */
export function pagePaths(): string[] {
  const below = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path))
    .toSorted();
  return ['README.md', ...below];
}

export function pageText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Returns the fenced blocks of a page in order. */
export function blocksOf(path: string): Block[] {
  const blocks: Block[] = [];
  let open: { readonly line: number; readonly info: string; readonly lines: string[] } | undefined;
  for (const [index, line] of pageText(path).split('\n').entries()) {
    if (open !== undefined && line.trimEnd() === '```') {
      const [language = '', mark = ''] = open.info.split(/\s+/);
      blocks.push({ place: `${path}:${open.line}`, language, mark, text: open.lines.join('\n') });
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else if (line.startsWith('```')) open = { line: index + 1, info: line.slice(3).trim(), lines: [] };
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: the block does not end`);
  return blocks;
}
