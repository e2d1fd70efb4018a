import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { createLogSink } from '../../shared/log-sink.ts';
import { createProcessMetrics } from '../../shared/process-metrics.ts';

describe('the metrics of a process', () => {
  it('say what runs', async () => {
    const text = await createProcessMetrics({ role: 'data_plane', sluiceVersion: '1.2.3' }).metrics();
    expect(text).to.contain(`sluice_build_info{version="1.2.3",role="data_plane",node_version="${process.version}"} 1`);
    expect(text).to.contain('process_cpu_seconds_total');
  });

  it('count log lines that were dropped', async () => {
    const registry = createProcessMetrics({ role: 'dbless', sluiceVersion: '1' });
    const lost = async () => Number(/^sluice_log_lines_dropped_total (\d+)$/m.exec(await registry.metrics())?.[1]);
    const before = await lost();
    createLogSink(new PassThrough(), { bytesMax: 1, onDropped: () => undefined }).write('too long');
    expect(await lost()).to.equal(before + 1);
  });
});
