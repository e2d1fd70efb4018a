import { expect } from 'chai';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { fieldRowEntities, fieldRows } from './field-rows.ts';
import { checkedEntities, GuardFixture, type Seen } from './guard-fixture.ts';
import { redisRows } from './rate-limiting/redis-rows.ts';
import { publishedPaths } from './kafka-settings/setting-rows.ts';

/** They have tables of their own, beside their tests. */
const elsewhere = new Set(['kafka-log', 'kafka-upstream', 'oidc-bearer', 'opentelemetry', 'prometheus']);

/** Fields that need more than a request to be seen: the tables of other tests, which move each of them. */
const withParts: Readonly<Record<string, readonly string[]>> = {
  'rate-limiting': redisRows.map(({ field }) => `redis.${field}`),
};

/** Leaves out what differs with every request. */
function outcomeOf({ status, headers, body, passed }: Seen) {
  return {
    status,
    body: body.replaceAll(/"request_id":"[^"]*"/g, ''),
    headers: [...headers.entries()],
    passed: passed === undefined ? undefined : { ...passed, headers: [...passed.headers.entries()] },
  };
}

describe('every published field of every plugin', () => {
  for (const [name, schema] of Object.entries(pluginSchemas)) {
    if (elsewhere.has(name)) continue;
    describe(name, () => {
      const rows = fieldRows[name] ?? [];
      const named = [...rows.map(({ field }) => field), ...(withParts[name] ?? [])];

      it('has a row that moves it', () => {
        expect(named.toSorted()).to.deep.equal(publishedPaths(schema.config).toSorted());
      });

      for (const row of rows) {
        const { field, base = {} } = row;
        if ('refused' in row) {
          it(`${field} takes its default alone`, () => {
            const check = (config: object) => checkedEntities({ plugins: [{ name, config: { ...base, ...config } }] });
            check({});
            expect(() => check(row.refused)).to.throw(field);
          });
          continue;
        }
        const { config, requests, beside = [] } = row;
        it(`${field} changes what becomes of a request`, async () => {
          const outcomes = [];
          for (const one of [base, { ...base, ...config }]) {
            const guard = new GuardFixture();
            await guard.apply({ ...fieldRowEntities, plugins: [{ name, config: one }, ...beside] });
            const origin = ['Access-Control-Allow-Origin', 'https://service.example'];
            guard.serviceHeaders = [...origin, 'Content-Type', 'application/json'];
            guard.serviceBody = '{"a":"0"}';
            const seen = [];
            for (const request of requests) seen.push(outcomeOf(await guard.send(request)));
            outcomes.push(seen);
          }
          expect(outcomes[0]).not.to.deep.equal(outcomes[1]);
        });
      }
    });
  }
});
