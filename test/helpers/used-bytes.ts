import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes that are in use once what nobody holds is collected, texts and buffers outside of the heap included. */
export function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const collect = runInNewContext('gc') as () => void;
  // Memory outside of the heap is freed by the second collection.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
