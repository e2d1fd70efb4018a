import { AxeBuilder } from '@axe-core/playwright';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { waitFor } from '../../helpers/wait-for.ts';

export interface PageOptions {
  /** The token to be logged in with; without it nobody is. */
  readonly as?: string;
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** Opens a page of its own in the browser and closes it. Errors of its scripts fail the test. */
export async function withConsolePage(
  { browser, admin }: { readonly browser: Browser; readonly admin: string },
  { as, width = 1280, colorScheme = 'light' }: PageOptions,
  work: (page: Page, open: (path: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && message.text().includes('Content Security Policy')) errors.push(message.text());
  });
  try {
    if (as !== undefined) {
      await page.addInitScript({ content: `sessionStorage.setItem('sluice-token', ${JSON.stringify(as)})` });
    }
    await work(page, async (path) => {
      await page.goto(`${admin}/console${path}`);
      await page.locator('h1').first().waitFor();
      await waitFor(async () => (await page.locator('.pending').count()) === 0, { what: 'the values of the page' });
    });
    expect(errors).to.deep.equal([]);
  } finally {
    await context.close();
  }
}

/** Looks for faults by all rules, or by these. */
export function axe(page: Page, rules: string[] | undefined): AxeBuilder {
  const builder = new AxeBuilder({ page });
  return rules === undefined ? builder : builder.withRules(rules);
}
