import { expect } from 'chai';
import * as fc from 'fast-check';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const bodies: Readonly<Record<string, fc.Arbitrary<Record<string, unknown>>>> = {
  services: fc.record(
    {
      host: word,
      port: fc.integer({ min: 0, max: 65_535 }),
      path: fc.option(word.map((text) => `/${text}`)),
      retries: fc.option(fc.integer({ min: 0, max: 32_767 })),
      tags: fc.option(fc.array(word, { maxLength: 3 })),
      protocol: fc.constantFrom('http', 'https'),
      enabled: fc.boolean(),
    },
    { requiredKeys: ['host'] },
  ),
  routes: fc.record(
    {
      paths: fc.array(
        word.map((text) => `/${text}`),
        { minLength: 1, maxLength: 3 },
      ),
      methods: fc.option(fc.subarray(['GET', 'POST', 'PUT'])),
      headers: fc.option(fc.dictionary(word, fc.array(word, { minLength: 1, maxLength: 2 }), { maxKeys: 2 })),
      regex_priority: fc.maxSafeInteger(),
      strip_path: fc.boolean(),
    },
    { requiredKeys: ['paths'] },
  ),
  plugins: fc.record({
    name: fc.constant('sample'),
    config: fc.record(
      {
        topic: fc.string({ minLength: 1 }),
        servers: optional(fc.array(fc.record({ host: word }), { maxLength: 3 })),
        label: optional(fc.option(word)),
        secret: fc.option(fc.string({ minLength: 1 })),
        names: fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), word, { maxKeys: 3 }),
        extra: optional(fc.constant({})),
      },
      { requiredKeys: ['topic'] },
    ),
  }),
};

describe('the Admin API: what was read can be written again', () => {
  let admin: AdminFixture;
  before(async () => {
    admin = await startAdmin();
  });
  after(() => admin.close());

  for (const [plural, body] of Object.entries(bodies)) {
    it(plural, async () => {
      await fc.assert(
        fc.asyncProperty(body, async (given) => {
          const made = await admin.call('POST', `/${plural}`, given);
          expect(made.status, made.text).to.equal(201);
          const path = `/${plural}/${made.body.id}`;
          const read = await admin.call('GET', path);
          expect(read.text).to.equal(made.text);
          const same = (answer: { body: object }) =>
            expect({ ...answer.body, updated_at: 0 }).to.deep.equal({ ...read.body, updated_at: 0 });
          same(await admin.call('PUT', path, read.body));
          same(await admin.call('PATCH', path, {}));
          same(await admin.call('PATCH', path, read.body));
          expect((await admin.call('DELETE', path)).status).to.equal(204);
        }),
        { numRuns: 25 },
      );
    });
  }
});
