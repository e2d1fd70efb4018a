import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { kafkaLog } from '../../../../data-plane/plugins/kafka-log/plugin.ts';
import type { Answer } from '../../../../data-plane/plugin-api/exchange.ts';
import { createPluginMetrics } from '../../../../data-plane/status/plugin-metrics.ts';
import { createLogger } from '../../../../shared/log.ts';
import { kafkaLogSchema } from '../../../../shared/plugin-schemas/kafka-log.ts';
import { instanceOf } from '../../../helpers/plugins.ts';
import { buildLogConfig, faultsOf } from '../kafka-upstream/build-config.ts';
import { exchange, Fakes } from '../kafka-upstream/plugin-fakes.ts';

const answer: Answer = { status: 200, headers: [], body: 'ok' };
const unavailable: Fakes['queued'] = (topic) => ({
  outcome: 'not_sent',
  topic,
  code: 'KAFKA_UNAVAILABLE',
  message: 'm',
  kafkaName: null,
});
const registry = { confluent: { url: 'http://r', value_schema: { subject_name: 's' } } };

describe('kafka-log', () => {
  let fakes: Fakes;
  beforeEach(() => {
    fakes = new Fakes();
  });

  it('has a log phase only, at priority 5, and publishes no record for its client', () => {
    const instance = fakes.createLog();
    expect([kafkaLog.priority, kafkaLog.publishes]).to.deep.equal([5, false]);
    expect(Object.keys(instance)).to.deep.equal(['log', 'close']);
  });

  it('queues an entry without key and headers, encoded where there is a schema', () => {
    fakes.createLog().log?.(exchange({ headers: ['traceparent', 't'] }), answer);
    const [sent] = fakes.sent;
    expect(sent).to.deep.include({ topic: 'orders', mode: 'enqueue' });
    expect(sent?.record).to.deep.include({ key: null, headers: [] });
    expect(JSON.parse(String(sent?.record.value))).to.have.nested.property('response.status', 200);
    fakes.createLog({ schema_registry: registry }).log?.(exchange({}), answer);
    expect(fakes.sent[1]?.record.value?.toString()).to.equal('encoded for orders');
    expect(fakes.encoded[0]).to.match(/^orders \{"request":/);
  });

  it('encodes later where the registry is slow', async () => {
    fakes.createLog({ schema_registry: registry, topic: 'late' }).log?.(exchange({}), answer);
    expect(fakes.sent).to.deep.equal([]);
    await nextTurn();
    expect(fakes.sent[0]?.record.value?.toString()).to.equal('late');
  });

  it('counts entries that no queue accepts, and fails no request', async () => {
    fakes.queued = (topic) => ({
      outcome: 'not_sent',
      topic,
      code: 'PRODUCER_OVERLOADED',
      message: 'full',
      kafkaName: null,
    });
    fakes.createLog().log?.(exchange({}), answer);
    expect(fakes.lost).to.deep.equal(['kafka-log PRODUCER_OVERLOADED']);
    fakes.createLog({ schema_registry: registry, topic: 'bad' }).log?.(exchange({}), answer);
    fakes.createLog({ schema_registry: registry, topic: 'late-bad' }).log?.(exchange({}), answer);
    await nextTurn();
    expect(fakes.lost.slice(1)).to.deep.equal([
      'kafka-log SCHEMA_VALIDATION_FAILED',
      'kafka-log SCHEMA_REGISTRY_UNAVAILABLE',
    ]);
  });

  it('says so in the metrics of the node', async () => {
    const registryOfMetrics = new Registry();
    fakes.queued = unavailable;
    const metrics = createPluginMetrics(registryOfMetrics);
    const instance = instanceOf(kafkaLog.create(buildLogConfig(), { ...fakes.deps(), metrics }));
    for (let count = 0; count < 2; count++) instance.log?.(exchange({}), answer);
    expect(await registryOfMetrics.metrics()).to.match(
      /^sluice_log_entries_lost_total\{plugin="kafka-log",code="KAFKA_UNAVAILABLE"\} 2$/m,
    );
  });

  it('bounds the entries that wait for the registry', async () => {
    const instance = fakes.createLog({ schema_registry: registry, topic: 'late' });
    for (let count = 0; count < 1_002; count++) instance.log?.(exchange({}), answer);
    expect(fakes.lost).to.deep.equal(Array.from({ length: 2 }, () => 'kafka-log PRODUCER_OVERLOADED'));
    await nextTurn();
    expect(fakes.sent).to.have.length(1_000);
    instance.log?.(exchange({}), answer);
    await nextTurn();
    expect(fakes.sent).to.have.length(1_001);
  });

  it('says so in the log, once a second', () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) });
    fakes.queued = unavailable;
    const instance = instanceOf(kafkaLog.create(buildLogConfig(), { ...fakes.deps(), log }));
    for (let count = 0; count < 50; count++) instance.log?.(exchange({}), answer);
    expect(fakes.lost).to.have.length(50);
    expect(lines.length).to.be.within(1, 10);
    expect(JSON.parse(lines[0] ?? '')).to.include({
      event: 'log_entry_lost',
      level: 'warn',
      code: 'KAFKA_UNAVAILABLE',
    });
  });

  it('refuses what the node cannot resolve or keep', () => {
    const authentication = { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: '{vault://env/P}' };
    const unsupportedSettings = () => [{ field: 'compression_type', reason: 'why' }];
    const created = kafkaLog.create(buildLogConfig({ authentication }), { ...fakes.deps(), unsupportedSettings });
    expect(created).to.deep.equal({
      kind: 'faults',
      faults: [
        {
          path: ['config', 'authentication', 'password'],
          message: 'cannot resolve {vault://env/P}: the node has no such variable',
        },
        { path: ['config', 'compression_type'], message: 'not supported here: why' },
      ],
    });
  });

  it('needs a schema of values where there is a registry, and refuses one of keys', () => {
    const confluent = (fields: object) => ({ schema_registry: { confluent: { url: 'http://r', ...fields } } });
    const key_schema = { subject_name: 'k' };
    const path = 'schema_registry.confluent';
    const keys = `${path}.key_schema: not supported yet: only null is accepted, since entries have no key`;
    const values = `${path}.value_schema: required field missing`;
    const value_schema = { subject_name: 'v' };
    const rows: [fields: object, faults: readonly string[]][] = [
      [{ key_schema }, [keys, values]],
      [{ key_schema, value_schema }, [keys]],
      [{ key_schema: {}, value_schema, subject_name_strategy: 'topic' }, [keys]],
      [{ key_schema: null, value_schema }, []],
    ];
    for (const [fields, faults] of rows) {
      expect(faultsOf(confluent(fields), kafkaLogSchema.config)).to.deep.equal(faults);
    }
    fakes.createLog(confluent({ value_schema }));
    expect(fakes.encoderOptions.map(({ role }) => role)).to.deep.equal(['value']);
  });

  it('releases its leases when it closes', () => {
    fakes.createLog({ schema_registry: registry }).close?.();
    expect(fakes.released).to.equal(2);
  });

  it('holds its leases until the entries that wait for the registry are queued', async () => {
    const instance = fakes.createLog({ schema_registry: registry, topic: 'late' });
    for (let count = 0; count < 2; count++) instance.log?.(exchange({}), answer);
    instance.close?.();
    expect(fakes.released).to.equal(0);
    await nextTurn();
    expect([fakes.sent.length, fakes.released]).to.deep.equal([2, 2]);
  });
});
