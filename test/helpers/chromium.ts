import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const launchMs = 20_000;

/**
 * Starts the Chromium that `CHROMIUM` names, one on the PATH, or the one of the npm package. Returns undefined where none
 * can be started, so that a test can be skipped; one that `CHROMIUM` names must start.
 */
export async function launchChromium(): Promise<Browser | undefined> {
  const named = process.env['CHROMIUM'];
  if (named !== undefined && named !== '') return launch(named, []);
  const found = await onPath();
  try {
    if (found !== undefined) return await launch(found, []);
    const { default: packed } = await import('@sparticuz/chromium');
    // In one process a fault of a page's renderer ends the whole browser.
    const args = packed.args.filter((argument) => argument !== '--single-process');
    return await launch(await packed.executablePath(), args);
  } catch (error) {
    console.log(`  No Chromium could be started: ${String(error).split('\n', 1).join('')}`);
    return undefined;
  }
}

function launch(executablePath: string, args: readonly string[]): Promise<Browser> {
  // The sandbox needs rights that containers seldom give; the pages are our own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...args], timeout: launchMs });
}

async function onPath(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      if (
        await access(path, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return path;
    }
  }
  return undefined;
}
