import { expect } from 'chai';
import { kafkaLogSchema } from '../../../../shared/plugin-schemas/kafka-log.ts';
import {
  confluent,
  publishedPaths,
  refused,
  registry,
  settings,
  valueAt,
  type Values,
  withoutEffect,
  withValue,
} from '../kafka-settings/setting-rows.ts';
import { buildLogConfig, faultsOf } from '../kafka-upstream/build-config.ts';
import { exchange, Fakes } from '../kafka-upstream/plugin-fakes.ts';

const answer = { status: 200, headers: [], body: '' };

/** What producers and encoders are asked for, and what becomes of one entry. */
function outcomeOf(config: Values): Values {
  const fakes = new Fakes();
  const instance = fakes.createLog(config);
  instance.log?.(exchange({}), answer);
  const [sent] = fakes.sent;
  const { bootstrapServers, sasl } = fakes.acquired[0]?.cluster ?? {};
  return {
    producer: fakes.acquired[0],
    value: fakes.encoderOptions[0],
    brokers: bootstrapServers,
    login: sasl?.mechanism,
    topic: sent?.topic,
    mode: sent?.mode,
    deadlineMs: sent?.deadlineMs,
  };
}

/** Records have no key, and no field decides that entries go async. */
const unused: readonly string[] = settings.filter(([, , asked]) => asked === 'key').map(([path]) => path);
const own = settings.filter(([path]) => !unused.includes(path));
const keySchema = `${confluent}.key_schema`;
/** Without the schema of keys, which is refused. */
const withoutKeys = (base: Values): Values => (valueAt(base, keySchema) ? withValue(base, keySchema, null) : base);

const behaviours: readonly [path: string, config: Values, place: string, found: unknown, base?: Values][] = [
  ['bootstrap_servers.host', { bootstrap_servers: [{ host: 'b', port: 9092 }] }, 'brokers.0.host', 'b'],
  ['bootstrap_servers.port', { bootstrap_servers: [{ host: 'b', port: 7 }] }, 'brokers.0.port', 7],
  [
    'authentication.strategy',
    { authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: 'p' } },
    'login',
    'PLAIN',
  ],
  ['topic', { topic: 'other' }, 'topic', 'other'],
];

describe('fields of kafka-log', () => {
  it('all have a row below that moves them', () => {
    const rows = [own, behaviours, refused].flatMap((table) => table.map(([path]) => path));
    const others = ['producer_async', 'delivery_timeout', 'custom_fields_by_lua', ...Object.keys(withoutEffect)];
    expect([...rows, ...unused, ...others].toSorted()).to.deep.equal(publishedPaths(kafkaLogSchema.config).toSorted());
  });

  for (const [path, value, asked, place, shared = {}, found = value] of own) {
    it(`${path} sets ${place}`, () => {
      const base = withoutKeys(shared);
      expect(valueAt(outcomeOf(base)[asked], place)).not.to.deep.equal(found);
      expect(valueAt(outcomeOf(withValue(base, path, value))[asked], place)).to.deep.equal(found);
    });
  }

  for (const [path, config, place, found] of behaviours) {
    it(`${path} changes ${place}`, () => {
      expect(valueAt(outcomeOf({}), place)).not.to.deep.equal(found);
      expect(valueAt(outcomeOf(config), place)).to.deep.equal(found);
    });
  }

  it('delivery_timeout counts from the end of the request', () => {
    const before = performance.now();
    const deadlineMs = Number(outcomeOf({ delivery_timeout: 500_000 })['deadlineMs']);
    expect(deadlineMs).to.be.within(before + 500_000, performance.now() + 500_000);
  });

  it('producer_async changes nothing: entries are never waited for', () => {
    expect(buildLogConfig().producer_async).to.equal(true);
    for (const producer_async of [true, false]) expect(outcomeOf({ producer_async })['mode']).to.equal('enqueue');
  });

  for (const [path, value] of Object.entries(withoutEffect)) {
    it(`${path} changes nothing`, () => {
      expect(outcomeOf({ [path]: value })['producer']).to.deep.equal(outcomeOf({})['producer']);
    });
  }

  const ownRefused: typeof refused = [
    ['custom_fields_by_lua', { a: 'return 1' }],
    [keySchema, { subject_name: 'k' }, registry],
  ];
  for (const [path, value, base = {}] of [...refused, ...ownRefused]) {
    it(`${path} is refused`, () => {
      const faults = faultsOf(withValue(withoutKeys(base), path, value), kafkaLogSchema.config);
      expect(faults.filter((fault) => fault.startsWith(`${path}: not supported yet`))).to.have.length(1);
    });
  }
});
