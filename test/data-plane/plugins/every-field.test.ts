import { expect } from 'chai';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { fieldRowEntities, fieldRows } from './field-rows.ts';
import { checkedEntities, GuardFixture, type Seen } from './guard-fixture.ts';
import { publishedPaths } from './kafka-settings/setting-rows.ts';

/** They have tables of their own, beside their tests. */
const elsewhere = new Set(['kafka-log', 'kafka-upstream', 'oidc-bearer']);

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

      it('has a row that moves it', () => {
        expect(rows.map(({ field }) => field).toSorted()).to.deep.equal(publishedPaths(schema.config).toSorted());
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
            guard.serviceHeaders = ['Access-Control-Allow-Origin', 'https://service.example'];
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
