import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const pollMs = 1_000;
const megabyte = 1_000_000;

export interface GrowthOptions {
  /** Folders that fill during the work; one that is not there yet counts as empty. */
  readonly folders: readonly string[];
  /** What they will hold, about. */
  readonly bytesExpected: number;
  readonly what: string;
  readonly tell: (message: string) => void;
}

/** Tells once a second how many bytes have come since the call, while they come. Returns the function that ends it. */
export function tellGrowth({ folders, bytesExpected, what, tell }: GrowthOptions): () => void {
  let before: number | undefined;
  let told = 0;
  let isLooking = false;
  const look = async (): Promise<void> => {
    const sizes = await Promise.all(folders.map(bytesIn));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    before ??= bytes;
    const come = bytes - before;
    if (come - told < megabyte) return;
    told = come;
    tell(`${what}: ${Math.round(come / megabyte)} of about ${Math.round(bytesExpected / megabyte)} MB`);
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => (isLooking = false));
  }, pollMs);
  void look();
  return () => clearInterval(timer);
}

/** Adds up the sizes of all files below a folder. A file that goes away meanwhile counts nothing. */
async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
