import { autoValues } from '../../shared/auto-values.ts';
import { differenceTo, entitiesById } from '../../shared/declarative/carry-over.ts';
import { compileDocument } from '../../shared/declarative/compile-document.ts';
import { documentErrors } from '../../shared/declarative/document-errors.ts';
import { matchNames } from '../../shared/declarative/match-names.ts';
import { parseDocument } from '../../shared/declarative/parse-document.ts';
import { checkEntity } from '../../shared/entities/check-entity.ts';
import { entities } from '../../shared/entities/entities.ts';
import { pluginEntity } from '../../shared/entities/plugin.ts';
import { routeEntity } from '../../shared/entities/route.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import { faultMessage, faultTree } from '../../shared/schema/faults.ts';
import { clusterNames } from '../../shared/cluster-names.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import { expectLinearCost } from '../helpers/linear-cost.ts';

/** Makes the work of a size; only the work itself is measured. */
type MakeWork = (size: number) => () => unknown;

const range = <T>(size: number, make: (index: number) => T): T[] =>
  Array.from({ length: size }, (_, index) => make(index));

function check(entity: typeof routeEntity, input: object) {
  return checkEntity({ entity, plugins: pluginSchemas, input, auto: autoValues });
}

function checkedFaults(entity: typeof routeEntity, input: object): unknown {
  const checked = check(entity, input);
  if (checked.kind !== 'faults') throw new Error('there are no faults');
  return [faultTree(checked.faults), faultMessage(checked.faults.slice(0, 1_000), checked.faults.length)];
}

const kafka = (fields: object): object => ({
  name: 'kafka-upstream',
  config: { topic: 't', bootstrap_servers: [{ host: 'k', port: 1 }], ...fields },
});

const documentOf = (size: number) => ({
  _format_version: '3.0',
  services: range(size, (n) => ({
    name: `s${n}`,
    host: 'h.example',
    tags: ['a', `t${n}`],
    routes: [{ name: `r${n}`, paths: [`/p${n}`], plugins: [{ ...kafka({}) }] }],
  })),
});

function compiled(document: Readonly<Record<string, unknown>>) {
  return compileDocument({ document, entities, plugins: pluginSchemas, auto: autoValues });
}

describe('the cost of a configuration grows linearly', function () {
  this.timeout(120_000);
  const rows: Readonly<Record<string, MakeWork>> = {
    'a route with many hosts and paths': (size) => {
      const input = { hosts: range(size, (n) => `h${n}.example`), paths: range(size, (n) => `/p${n}/ä`) };
      return () => check(routeEntity, input);
    },
    'a set of many equal and different tags': (size) => {
      const input = { paths: ['/'], tags: range(size, (n) => `t${n % (size / 2)}`) };
      return () => check(routeEntity, input);
    },
    'a plugin with many brokers, words and maps': (size) => {
      const input = kafka({
        bootstrap_servers: range(size, (n) => ({ host: `k${n}`, port: n % 65_536 })),
        allowed_topics: range(size, (n) => `t${n}`),
        headers: { name_mappings: Object.fromEntries(range(size, (n) => [`h${n}`, 'x'])) },
      });
      return () => check(pluginEntity, input);
    },
    'a body with a fault in every element': (size) => {
      const input = { hosts: range(size, () => 'a b'), [`x`]: 1, paths: range(size, () => 'p') };
      return () => checkedFaults(routeEntity, input);
    },
    'a body of unknown fields': (size) => {
      const input = Object.fromEntries(range(size, (n) => [`f${n}`, n]));
      return () => checkedFaults(routeEntity, input);
    },
    'a document of YAML': (size) => {
      const text = `_format_version: "3.0"\nservices:\n${range(size, (n) => `- {name: s${n}, host: h, tags: [a, b]}\n`).join('')}`;
      return () => parseDocument(text);
    },
    'a document of JSON': (size) => {
      const text = JSON.stringify(documentOf(size));
      return () => parseDocument(text);
    },
    'the entities of a document': (size) => {
      const document = documentOf(size);
      return () => compiled(document);
    },
    'a document with a fault in every entity': (size) => {
      const document = {
        _format_version: '3.0',
        services: range(size, (n) => ({ name: `s${n}`, hots: 'h', routes: [{ name: 'same', paths: ['x'] }] })),
      };
      return () => {
        const result = compiled(document);
        if (result.kind !== 'faults') throw new Error('there are no faults');
        return documentErrors(result.faults, pluginSchemas);
      };
    },
    'the comparison with stored entities of other ids': (size) => {
      const result = compiled(documentOf(size));
      if (result.kind !== 'ok') throw new Error('there are faults');
      const stored: Record<string, SnapshotEntity[]> = {};
      for (const { entity, value } of result.entities) {
        if (entity.plural === 'services') (stored[entity.plural] ??= []).push({ ...value, id: `other-${value.id}` });
      }
      const before = entitiesById(stored);
      return () => differenceTo(matchNames(result.entities, before, { entities, plugins: pluginSchemas }), before);
    },
    'the names of clusters': (size) => {
      const config = (n: number) => ({ bootstrap_servers: [{ host: `k${n}`, port: 1 }], cluster_name: 'same' });
      return () => clusterNames(range(size, (n) => ({ id: `p${n}`, config: config(n) })));
    },
  };
  for (const [title, make] of Object.entries(rows)) {
    it(`for ${title}`, () => expectLinearCost({ make, run: (work) => work(), sizeMin: 500 }));
  }
});
