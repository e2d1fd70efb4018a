import { expect } from 'chai';
import { autoValues } from '../../../shared/auto-values.ts';
import { differenceTo, entitiesById, isDifferent } from '../../../shared/declarative/carry-over.ts';
import { compileDocument, type CompiledEntity } from '../../../shared/declarative/compile-document.ts';
import { faultLine } from '../../../shared/declarative/document-errors.ts';
import { matchNames } from '../../../shared/declarative/match-names.ts';
import { parseDocument } from '../../../shared/declarative/parse-document.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import type { SnapshotEntity } from '../../../shared/snapshot.ts';
import { databaseExport, deckDefaults, deckTemplates, unquotedReferences } from './reported-files.ts';

function compile(text: string) {
  const parsed = parseDocument(text);
  if (parsed.kind === 'faults') throw new Error(parsed.faults.map(({ message }) => message).join('; '));
  return compileDocument({ document: parsed.document, entities, plugins: pluginSchemas, auto: autoValues });
}

function entitiesOf(text: string): readonly CompiledEntity[] {
  const compiled = compile(text);
  if (compiled.kind === 'faults') throw new Error(compiled.faults.map(faultLine).join('; '));
  return compiled.entities;
}

function faultsOf(text: string): string[] {
  const compiled = compile(text);
  return compiled.kind === 'faults' ? compiled.faults.map(faultLine) : [];
}

const head = '_format_version: "3.0"\n';

describe('a file of decK', () => {
  it('fills what entities leave out from _info.defaults', () => {
    const text = `${head}
_info:
  defaults:
    route: {strip_path: false, https_redirect_status_code: 301}
    service: {retries: 1, protocol: https}
    upstream: {healthchecks: {threshold: 5}}
services:
- {name: svc, host: svc.example, retries: 2, routes: [{name: r, paths: [/r]}]}
upstreams:
- {name: u, healthchecks: {active: {type: tcp}}}
`;
    const byName = new Map(entitiesOf(text).map(({ value }) => [value['name'], value]));
    expect(byName.get('svc')).to.include({ retries: 2, protocol: 'https' });
    expect(byName.get('r')).to.include({ strip_path: false, https_redirect_status_code: 301 });
    expect(byName.get('u')).to.have.nested.property('healthchecks.threshold', 5);
    expect(byName.get('u')).to.have.nested.property('healthchecks.active.type', 'tcp');
  });

  const refused: readonly (readonly [title: string, text: string, lines: readonly string[]])[] = [
    [
      'select_tags, which a load of everything cannot keep',
      `${head}_info: {select_tags: [team-a]}`,
      [
        '_info.select_tags: not supported: a load replaces everything, whatever its tags; remove it and tag entities yourself',
      ],
    ],
    [
      'what else _info may ask for',
      `${head}_info: {default_lookup_tags: {services: [a]}}`,
      ['_info.default_lookup_tags: not supported'],
    ],
    ['defaults of unknown kinds', `${head}_info: {defaults: {vault: {a: 1}}}`, ['_info.defaults.vault: unknown field']],
    ['another workspace', `${head}_workspace: teams`, ["_workspace: there is one workspace, 'default'"]],
    [
      'several workspaces',
      `${head}workspaces: [{name: default}, {name: b}]`,
      ["workspaces: there is one workspace, 'default'"],
    ],
    ['a kind that is not there', `${head}consumer_groups: [{name: g}]`, ['consumer_groups: unknown field']],
    [
      'a field that is not there',
      `${head}plugins: [{name: kafka-upstream, consumer_group: g, config: {topic: t, bootstrap_servers: [{host: k, port: 1}]}}]`,
      ['plugins.1.consumer_group: unknown field'],
    ],
    [
      'templates, by name',
      `${head}routes: [{name: r, paths: [/r], tags: ['\${{ env "DECK_TAG" }}']}]`,
      [
        'routes.1.tags.1: holds a template of decK, ${{ env "DECK_TAG" }}: render the file with decK first, or write {vault://env/NAME}',
      ],
    ],
  ];
  for (const [title, text, lines] of refused) {
    it(`is refused for ${title}`, () => {
      expect(faultsOf(text)).to.deep.equal(lines);
    });
  }
});

describe('a file from a public report', () => {
  it("an export of Kong's database loads, with everything that it says", () => {
    const [service, route, plugin] = entitiesOf(databaseExport).map(({ value }) => value);
    expect(service).to.include({ name: 'ingest', host: 'ingest.internal.example', protocol: 'http', path: null });
    expect(route).to.deep.include({ name: null, hosts: ['events.example'], service: { id: service?.id } });
    expect(plugin).to.deep.include({ name: 'kafka-upstream', route: { id: route?.id }, service: null, enabled: true });
    expect(plugin?.['config']).to.deep.include({
      bootstrap_servers: [{ host: 'kafka_broker', port: 9092 }],
      topic: 'events',
      cluster_name: 'zuSFFStcgpc13xYCdc6rZREGdnPqmGG8',
      producer_request_acks: 1,
      producer_async: false,
    });
  });

  const hint = (name: string) => `expected a string; write the reference in quotes: "{vault://env/${name}}"`;
  const template = (name: string) =>
    `holds a template of decK, \${{ env "${name}" }}: render the file with decK first, or write {vault://env/NAME}`;
  const authentication = 'routes.1.plugins.1.config.authentication';
  const refused: readonly (readonly [title: string, text: string, lines: readonly string[]])[] = [
    [
      'templates of decK',
      deckTemplates,
      [
        `${authentication}.user: ${template('DECK_KAFKA_USER')}`,
        `${authentication}.password: ${template('DECK_KAFKA_PASSWORD')}`,
      ],
    ],
    [
      'select_tags of decK',
      deckDefaults,
      [
        '_info.select_tags: not supported: a load replaces everything, whatever its tags; remove it and tag entities yourself',
      ],
    ],
    [
      'references without quotes',
      unquotedReferences,
      [`${authentication}.user: ${hint('kafka-user')}`, `${authentication}.password: ${hint('kafka/password')}`],
    ],
  ];
  for (const [title, text, lines] of refused) {
    it(`is refused by name for ${title}`, () => {
      expect(faultsOf(text)).to.deep.equal(lines);
    });
  }
});

const exported = (id: string, name: string) => `
_transform: false
_format_version: "3.0"
workspaces: [{id: 0d6f1f50-7a3c-4c4c-9a2f-3f7a4a1d0001, name: default, comment: ~, config: ~, meta: ~}]
parameters: [{key: cluster_id, value: 5a6cf1b2-98d1-4e0b-9d7b-0d6f1f500002, created_at: ~}]
consumer_groups: []
services:
- {id: ${id}1, name: ingest, ws_id: 0d6f1f50-7a3c-4c4c-9a2f-3f7a4a1d0001, host: a.example, path: ~, created_at: 1704773152}
routes:
- {id: ${id}2, name: ${name}, ws_id: 0d6f1f50-7a3c-4c4c-9a2f-3f7a4a1d0001, service: ${id}1, hosts: [events.example], paths: ~, updated_at: 1704773152}
plugins:
- id: ${id}3
  name: kafka-upstream
  ws_id: 0d6f1f50-7a3c-4c4c-9a2f-3f7a4a1d0001
  route: ${id}2
  consumer_group: ~
  ordering: ~
  config: {bootstrap_servers: [{host: kafka, port: 9092}], topic: t, security: {ssl: ~}, cluster_name: c}
`;

describe("an export of Kong's database", () => {
  it('loads when it uses only supported features', () => {
    const values = entitiesOf(exported('11111111-7d1d-4736-9777-00000000000', '~')).map(({ value }) => value);
    expect(values).to.have.length(3);
    expect(values.some((value) => Object.hasOwn(value, 'ws_id'))).to.equal(false);
  });

  for (const name of ['r', '~']) {
    it(`changes nothing over equal content with other ids (route ${name === '~' ? 'without a name' : name})`, () => {
      const stored: Record<string, SnapshotEntity[]> = {};
      for (const { entity, value } of entitiesOf(exported('22222222-7d1d-4736-9777-00000000000', name))) {
        (stored[entity.plural] ??= []).push({ ...value, created_at: 5, updated_at: 6 });
      }
      const before = entitiesById(stored);
      const compiled = entitiesOf(exported('11111111-7d1d-4736-9777-00000000000', name));
      expect(isDifferent(differenceTo(compiled, before))).to.equal(true);
      const matched = matchNames(compiled, before, { entities, plugins: pluginSchemas });
      const difference = differenceTo(matched, before);
      expect(difference).to.deep.include({ created: [], updated: [], deleted: [], unchanged: 3 });
    });
  }

  it('leaves an id that the document gives to another name', () => {
    const [a, b] = ['11111111-7d1d-4736-9777-000000000001', '11111111-7d1d-4736-9777-000000000002'];
    const service = (id: string, name: string) => `- {id: ${id}, name: ${name}, host: h}\n`;
    const before = entitiesById({
      services: entitiesOf(`${head}services:\n${service(a, 'one')}`).map(({ value }) => value),
    });
    const compiled = entitiesOf(`${head}services:\n${service(a, 'two')}${service(b, 'one')}`);
    const matched = matchNames(compiled, before, { entities, plugins: pluginSchemas });
    expect(matched.map(({ value }) => [value.id, value['name']])).to.deep.equal([
      [a, 'two'],
      [b, 'one'],
    ]);
  });
});
