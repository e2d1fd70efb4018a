import { createPacer } from './pacer.ts';

/** Characters that begin a key: items that share them are sorted in one go. */
const bucketChars = 2;

/** Sorts by text that is spread evenly, such as hashes and UUIDs, in slices that leave the event loop to others. */
export async function sortInSlices<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Promise<Item[]> {
  const pacer = createPacer();
  const buckets = new Map<string, Item[]>();
  for (const item of items) {
    const start = keyOf(item).slice(0, bucketChars);
    const bucket = buckets.get(start);
    if (bucket === undefined) buckets.set(start, [item]);
    else bucket.push(item);
    if (pacer.isDue()) await pacer.pause();
  }
  const byKey = (a: Item, b: Item): number => {
    const [keyA, keyB] = [keyOf(a), keyOf(b)];
    return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
  };
  const sorted: Item[] = [];
  for (const start of [...buckets.keys()].sort()) {
    for (const item of (buckets.get(start) ?? []).sort(byKey)) sorted.push(item);
    if (pacer.isDue()) await pacer.pause();
  }
  return sorted;
}
