import { expect } from 'chai';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { compileConforming } from '../../../../../data-plane/schemas/formats/json-schema/conforming-schema.ts';
import { dialectOf, draftNamed, isSchema } from '../../../../../data-plane/schemas/formats/json-schema/dialect.ts';
import { jsonSchemaFormat } from '../../../../../data-plane/schemas/formats/json-schema.ts';
import type { SchemaSource } from '../../../../../data-plane/schemas/formats/format.ts';
import { runAtOnce } from '../../../../../data-plane/schemas/formats/steps.ts';
import { RequestError } from '../../../../../shared/errors.ts';
import { pythonSource } from '../../../../helpers/python-packages.ts';
import { formatOptions } from '../../format-options.ts';

/** The source package carries the JSON-Schema-Test-Suite. */
const requirement = 'jsonschema==4.26.0';

const drafts = [
  ['draft4', 'http://json-schema.org/draft-04/schema#', 610],
  ['draft6', 'http://json-schema.org/draft-06/schema#', 829],
  ['draft7', 'http://json-schema.org/draft-07/schema#', 913],
  ['draft2019-09', 'https://json-schema.org/draft/2019-09/schema', 1_227],
  ['draft2020-12', 'https://json-schema.org/draft/2020-12/schema', 1_257],
] as const;

/**
 * Every format counts in all drafts, where 2020-12 makes it an annotation by default: authors who write one mean it, and
 * the earlier drafts' tools have judged by it.
 */
const chosenOtherwise = new Set(
  (
    'email regex ipv4 ipv6 hostname date date-time time json-pointer relative-json-pointer uri uri-reference ' +
    'uri-template uuid duration'
  )
    .split(' ')
    .map((format) => `${format} format: invalid ${format} string is only an annotation by default`),
);

interface Group {
  readonly description: string;
  readonly schema: unknown;
  readonly tests: readonly { readonly description: string; readonly data: unknown; readonly valid: boolean }[];
}

const prefix = Buffer.alloc(5);
const origin = 'http://localhost:1234/';

describe('the official test suite of JSON Schema', function () {
  this.timeout(120_000);
  let folder: string;
  let remotes: SchemaSource['references'];

  before(async function () {
    this.timeout(600_000);
    const source = await pythonSource('jsonschema-source-4.26.0', requirement);
    if (source === undefined) this.skip();
    else folder = join(source, 'json');
    const files = await readdir(join(folder, 'remotes'), { recursive: true, withFileTypes: true });
    remotes = await Promise.all(
      files
        .filter((file) => file.isFile() && file.name.endsWith('.json'))
        .map(async (file) => {
          const path = join(file.parentPath, file.name);
          return { name: origin + relative(join(folder, 'remotes'), path), text: await readFile(path, 'utf8') };
        }),
    );
  });

  /** Those of the other schemas that a text names, as a registry would give them. */
  function referencesOf(text: string): SchemaSource['references'] {
    const found = new Set<SchemaSource['references'][number]>();
    const pending = [text];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const remote of remotes) {
        if (found.has(remote) || !next.includes(remote.name.slice(remote.name.lastIndexOf('/') + 1))) continue;
        found.add(remote);
        pending.push(remote.text);
      }
    }
    return [...found];
  }

  async function* groupsOf(draft: string, uri: string): AsyncGenerator<Group & { text: string }> {
    for (const file of await readdir(join(folder, 'tests', draft))) {
      if (!file.endsWith('.json')) continue;
      const groups = JSON.parse(await readFile(join(folder, 'tests', draft, file), 'utf8')) as Group[];
      for (const group of groups) {
        const { schema } = group;
        const named = typeof schema === 'object' ? { $schema: uri, ...schema } : schema;
        yield { ...group, text: JSON.stringify(named) };
      }
    }
  }

  /** The tests that are judged otherwise than the suite says, and how many there are. */
  async function run(
    draft: string,
    uri: string,
    judgeOf: (source: SchemaSource) => Promise<(data: unknown) => boolean>,
  ): Promise<{ failed: string[]; count: number }> {
    const failed: string[] = [];
    let count = 0;
    for await (const { description, tests, text } of groupsOf(draft, uri)) {
      const judge = await judgeOf({ text, references: referencesOf(text) });
      for (const test of tests) {
        count++;
        if (judge(test.data) !== test.valid) failed.push(`${description}: ${test.description}`);
      }
    }
    return { failed, count };
  }

  for (const [draft, uri, atLeast] of drafts) {
    const explained = draft === 'draft2020-12' ? chosenOtherwise : new Set<string>();

    it(`${draft}: has the results that it states, except for the formats`, async () => {
      const { failed, count } = await run(draft, uri, async (source) => {
        const schema = await jsonSchemaFormat.compile(source, formatOptions());
        return (data) => {
          try {
            schema.encode(JSON.stringify(data), prefix);
            return true;
          } catch (error) {
            if (error instanceof RequestError && error.code === 'SCHEMA_VALIDATION_FAILED') return false;
            throw error;
          }
        };
      });
      expect(new Set(failed)).to.deep.equal(explained);
      expect(count).to.be.at.least(atLeast);
    });

    it(`${draft}: has the results that it states with the conforming judge alone`, async () => {
      const { failed } = await run(draft, uri, ({ text, references }) => {
        const documents = [{ name: undefined, text }, ...references].map(({ name, text: document }) => {
          const schema: unknown = JSON.parse(document);
          if (!isSchema(schema)) throw new Error('not a schema');
          return { name, schema };
        });
        const dialect = dialectOf(draftNamed(uri) ?? 'draft-07');
        const schema = runAtOnce(compileConforming(documents, dialect, true));
        return Promise.resolve((data) => schema.faultsOf(data) === undefined);
      });
      expect(new Set(failed)).to.deep.equal(explained);
    });
  }
});
