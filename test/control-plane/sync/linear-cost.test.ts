import { nodeMessageFault } from '../../../control-plane/sync/node-message-bounds.ts';
import { nodeDestinations } from '../../../control-plane/sync/node-destinations.ts';
import { boundedFaults } from '../../../control-plane/sync/node-rejections.ts';
import { compatibilityOf } from '../../../control-plane/sync/compatibility.ts';
import { applyDelta, entityLine, packLines, unpackSnapshot } from '../../../shared/snapshot-wire.ts';
import { canonicalJson, createSnapshot } from '../../../shared/snapshot.ts';
import { ConfigSync } from '../../../shared/proto.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import type { NodeMessage } from '../../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import { expectLinearCost, type LinearWork } from '../../helpers/linear-cost.ts';
import { packEntities } from '../../helpers/pack-entities.ts';

const { requestSerialize, requestDeserialize } = ConfigSync.service.Connect;
const list = <T>(size: number, make: (index: number) => T): T[] => Array.from({ length: size }, (_one, n) => make(n));
const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const serviceOf = (n: number, host: string) => ({ id: id(n), enabled: true, host, name: `service-${n}` });

/** Looks at the bounds of a message and decodes it, as the server does for each one. */
const decode = (bytes: Buffer): unknown => [nodeMessageFault(bytes), requestDeserialize(bytes)];
/** The bound of a message: beyond it nothing is decoded. */
const sizeMax = 40_000;
const messages: readonly (readonly [string, (size: number) => NodeMessage])[] = [
  [
    'a hello with many plugins',
    (size) => ({ hello: { plugins: list(size, (n) => ({ name: `p${n}`, version: '1.0.0' })) } }),
  ],
  [
    'a hello with many fields',
    (size) => ({ hello: { entityKinds: [{ plural: 'x', fields: list(size, (n) => `f${n}`) }] } }),
  ],
  [
    'a hello with many labels',
    (size) => ({ hello: { labels: Object.fromEntries(list(size, (n) => [`l${n}`, 'v'])) } }),
  ],
  [
    'a rejection with many faults',
    (size) => ({ reject: { faults: list(size, (n) => ({ path: `p${n}`, message: 'm' })) } }),
  ],
  ['a heartbeat with many clusters', (size) => ({ heartbeat: { clusters: list(size, (n) => ({ name: `c${n}` })) } })],
];

describe('the cost of sync messages grows linearly', function () {
  this.timeout(120_000);

  for (const [what, make] of messages) {
    it(`for ${what}`, () =>
      expectLinearCost({ make: (size) => requestSerialize(make(size)), run: decode, sizeMin: 500, sizeMax }));
  }

  const works: readonly (readonly [string, LinearWork<unknown>])[] = [
    [
      'what a hello says it knows',
      work({
        make: (size) => ({
          version: '0.0.1',
          plugins: list(size, (n) => ({ name: `p${n}`, version: '1.0.0', fields: [`f${n}`] })),
          entityKinds: list(size, (n) => ({ plural: `k${n}`, fields: ['a'] })),
        }),
        run: (hello) => compatibilityOf(hello, { version: '0.1.0', entities, plugins: pluginSchemas }),
        sizeMin: 1_000,
        // More than a message can hold: there it takes a few milliseconds.
        sizeMax: 1 << 17,
      }),
    ],
    [
      'the faults that are kept',
      work({
        make: (size) =>
          list(size, (n) => ({
            entityType: 'service',
            entityId: id(n),
            entityName: '',
            path: 'host',
            message: 'x'.repeat(50),
          })),
        run: (faults) => boundedFaults(faults),
        sizeMin: 1_000,
        sizeMax: 1 << 17,
      }),
    ],
    [
      'the destinations that are kept',
      work({
        make: (size) => ({
          hash: '',
          omitted: 0,
          items: list(size, (n) => ({ kind: 'cluster', name: `c${n}`, state: 'unreachable', error: 'x' })),
        }),
        run: nodeDestinations,
        sizeMin: 1_000,
        sizeMax: 1 << 17,
      }),
    ],
    [
      'a snapshot of many entities',
      work({
        make: (size) => packEntities({ services: list(size, (n) => serviceOf(n, 'h')) }),
        run: async (packed) => {
          const { hash, body } = await packed;
          return unpackSnapshot(hash, body);
        },
        sizeMin: 500,
      }),
    ],
    [
      'a snapshot of one long entity',
      work({
        make: (size) => packEntities({ services: [serviceOf(1, 'h'.repeat(size))] }),
        run: async (packed) => {
          const { hash, body } = await packed;
          return unpackSnapshot(hash, body);
        },
        sizeMin: 1 << 18,
        sizeMax: 1 << 26,
      }),
    ],
    [
      'a delta of many entities',
      work({
        make: async (size) => {
          const before = { services: list(size, (n) => serviceOf(n, 'h')) };
          const after = { services: list(size, (n) => serviceOf(n, 'changed')) };
          const packed = await packEntities(before);
          const lines = after.services.map((service) => entityLine('services', canonicalJson(service)));
          return {
            base: await unpackSnapshot(packed.hash, packed.body),
            hash: createSnapshot(after).hash,
            body: await packLines(lines),
          };
        },
        run: async (made) => {
          const { base, hash, body } = await made;
          return applyDelta(base, hash, body);
        },
        sizeMin: 500,
      }),
    ],
  ];
  for (const [what, each] of works) it(`for ${what}`, () => expectLinearCost(each));
});

/** Lets rows with different inputs stand in one table. */
function work<Input>(each: LinearWork<Input>): LinearWork<unknown> {
  return each as LinearWork<unknown>;
}
