import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { errorKinds } from '../../shared/errors.ts';
import { sourceMetricNames } from './source-metrics.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = (name: string): string => readFileSync(join(root, 'docs', `${name}.md`), 'utf8');

/** Metrics on the page of them, without the series of histograms. */
function documentedMetrics(): string[] {
  const names = [...page('observability').matchAll(/\bsluice_[a-z_]+/g)].map(([name]) =>
    name.replace(/_(?:bucket|sum|count)$/, ''),
  );
  return [...new Set(names)];
}

/** The tests' sources, without benchmarks and this folder, which only name metrics. */
function testTexts(): string[] {
  const paths = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  const isTest = (path: string): boolean => path.endsWith('.test.ts') && !/^(?:bench|docs)\b/.test(path);
  return paths.filter(isTest).map((path) => readFileSync(join(root, 'test', path), 'utf8'));
}

describe('the documentation', () => {
  it('names every metric in docs/observability.md', () => {
    const text = page('observability');
    const names = sourceMetricNames();
    expect(names).to.include('sluice_http_requests_total');
    expect(names.filter((name) => !text.includes(name))).to.deep.equal([]);
  });

  it('names no metric in docs/observability.md that does not exist', () => {
    const known = new Set(sourceMetricNames());
    expect(documentedMetrics().filter((name) => !known.has(name))).to.deep.equal([]);
  });

  it('names no metric that no test moves', () => {
    const tested = testTexts().join('\n');
    expect(documentedMetrics().filter((name) => !tested.includes(name))).to.deep.equal([]);
  });

  for (const name of ['outcomes', 'troubleshooting']) {
    it(`names every error code in docs/${name}.md`, () => {
      const text = page(name);
      expect(Object.keys(errorKinds).filter((code) => !text.includes(code))).to.deep.equal([]);
    });
  }
});
