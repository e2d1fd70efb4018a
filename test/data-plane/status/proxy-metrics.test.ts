import { expect } from 'chai';
import { Registry } from 'prom-client';
import { consumerLabelsMax, createProxyMetrics } from '../../../data-plane/status/proxy-metrics.ts';

describe('createProxyMetrics', () => {
  it('shows a thousand consumers and the others as one', () => {
    const metrics = createProxyMetrics(new Registry());
    const labels = Array.from({ length: consumerLabelsMax + 10 }, (_, index) => metrics.consumerLabel(`c${index}`));
    expect(new Set(labels).size).to.equal(consumerLabelsMax + 1);
    expect([labels.at(-1), metrics.consumerLabel('c0')]).to.deep.equal(['other', 'c0']);
  });
});
