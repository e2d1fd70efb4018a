import type { Candidate } from './compile-route.ts';
import { comparePriority } from './priority.ts';

/** A radix tree of path prefixes: a look-up costs the length of the path, however many routes there are. */
export class PathTrie<T> {
  readonly #root: TrieNode<T> = { label: '', children: new Map(), candidates: [] };

  /** Puts the candidate at its path's prefix ('' for a route without paths), best priority first. */
  add(candidate: Candidate<T>): void {
    insertByPriority(this.#nodeOf(candidate.path?.prefix ?? '').candidates, candidate);
  }

  /** The best candidate that `accepts` takes, if it goes before `best`; else `best`. */
  search(
    path: string,
    best: Candidate<T> | undefined,
    accepts: (candidate: Candidate<T>) => boolean,
  ): Candidate<T> | undefined {
    let node: TrieNode<T> | undefined = this.#root;
    let offset = 0;
    let found = best;
    while (node !== undefined) {
      found = bestOf(node.candidates, found, accepts);
      node = node.children.get(path.charCodeAt(offset));
      if (node === undefined || !path.startsWith(node.label, offset)) return found;
      offset += node.label.length;
    }
    return found;
  }

  #nodeOf(prefix: string): TrieNode<T> {
    let node = this.#root;
    let rest = prefix;
    while (rest !== '') {
      const child = node.children.get(rest.charCodeAt(0));
      if (child === undefined) return addChild(node, rest);
      const shared = sharedLength(child.label, rest);
      node = shared === child.label.length ? child : split(node, child, shared);
      rest = rest.slice(shared);
    }
    return node;
  }
}

interface TrieNode<T> {
  /** Text between the parent and this node. */
  label: string;
  /** By the label's first character code. */
  readonly children: Map<number, TrieNode<T>>;
  readonly candidates: Candidate<T>[];
}

function bestOf<T>(
  candidates: readonly Candidate<T>[],
  best: Candidate<T> | undefined,
  accepts: (candidate: Candidate<T>) => boolean,
): Candidate<T> | undefined {
  for (const candidate of candidates) {
    if (best !== undefined && comparePriority(best.priority, candidate.priority) <= 0) return best;
    if (accepts(candidate)) return candidate;
  }
  return best;
}

function insertByPriority<T>(candidates: Candidate<T>[], candidate: Candidate<T>): void {
  let low = 0;
  let high = candidates.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = candidates[middle];
    if (other !== undefined && comparePriority(other.priority, candidate.priority) <= 0) low = middle + 1;
    else high = middle;
  }
  candidates.splice(low, 0, candidate);
}

function addChild<T>(node: TrieNode<T>, label: string): TrieNode<T> {
  const child: TrieNode<T> = { label, children: new Map(), candidates: [] };
  node.children.set(label.charCodeAt(0), child);
  return child;
}

/** Puts a node between parent and child, at `length` characters of the child's label. */
function split<T>(parent: TrieNode<T>, child: TrieNode<T>, length: number): TrieNode<T> {
  const middle = addChild(parent, child.label.slice(0, length));
  child.label = child.label.slice(length);
  middle.children.set(child.label.charCodeAt(0), child);
  return middle;
}

function sharedLength(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let index = 0;
  while (index < length && a.charCodeAt(index) === b.charCodeAt(index)) index += 1;
  return index;
}
