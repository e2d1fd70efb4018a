import { expect } from 'chai';
import { SchemaUnusableError, schemaBounds, type Format } from '../../data-plane/schemas/formats/format.ts';
import { formats } from '../../data-plane/schemas/formats/formats.ts';
import { RequestError } from '../../shared/errors.ts';
import { formatOptions } from '../data-plane/schemas/format-options.ts';

/** What the contract needs to know of a format. */
export interface FormatUnderTest {
  readonly format: Format;
  /** A schema of an object with `id` (a 64-bit integer), `name` (a string) and `inner` (an object with an integer `n`). */
  readonly schema: string;
  /** The same with another field, `other` (a string), in place of `name`. */
  readonly otherSchema: string;
  /** A schema that names a type of another schema, which it does not come with. */
  readonly withoutReference: string;
  /** Reads a payload back, as another reader does; 64-bit integers as text. */
  readonly decode: (payload: Buffer) => unknown;
}

const prefix = Buffer.from([0, 0, 0, 1, 2]);
const value = { id: 7, name: 'ä"\\\u0000', inner: { n: 1 } };
const valueText = JSON.stringify(value);

/** What every format must do: `make` is called once a test. */
export function formatContract(name: string, make: () => FormatUnderTest): void {
  describe(`Format: ${name}`, () => {
    const compile = (under: FormatUnderTest, text = under.schema) =>
      under.format.compile({ text, references: [] }, formatOptions());

    async function failure(under: FormatUnderTest, body: string): Promise<RequestError> {
      const compiled = await compile(under);
      try {
        compiled.encode(body, prefix);
      } catch (error) {
        if (error instanceof RequestError) return error;
        throw error;
      }
      throw new Error(`${body} was taken`);
    }

    it('is in the list of formats under its type', () => {
      const { format } = make();
      expect(formats.get(format.type)).to.equal(format);
    });

    it('writes the prefix as it is, then what another reader reads back', async () => {
      const under = make();
      const bytes = (await compile(under)).encode(valueText, prefix);
      expect(bytes.subarray(0, prefix.length)).to.deep.equal(prefix);
      expect(under.decode(bytes.subarray(prefix.length))).to.deep.equal({ ...value, id: '7' });
    });

    it('keeps every digit of a 64-bit integer', async () => {
      const under = make();
      const bytes = (await compile(under)).encode('{"id":9007199254740993,"name":"x","inner":{"n":1}}', prefix);
      expect(under.decode(bytes.subarray(prefix.length))).to.have.property('id', '9007199254740993');
    });

    it('gives the same bytes again, and ones that later calls do not change', async () => {
      const compiled = await compile(make());
      const first = compiled.encode(valueText, prefix);
      const copy = Buffer.from(first);
      compiled.encode(valueText.replace('7', '8'), prefix);
      expect(compiled.encode(valueText, prefix)).to.deep.equal(copy);
      expect(first).to.deep.equal(copy);
    });

    it('goes on encoding after a refused value', async () => {
      const under = make();
      const compiled = await compile(under);
      expect(() => compiled.encode('{"id":7,"name":"partly","inner":{"n":"x"}}', prefix)).to.throw(RequestError);
      const bytes = compiled.encode(valueText, prefix);
      expect(under.decode(bytes.subarray(prefix.length))).to.deep.equal({ ...value, id: '7' });
    });

    for (const [what, body] of [
      ['no JSON', '{'],
      ['nothing', ''],
      ['two values', '{} {}'],
      ['JSON with a comment', '{} // x'],
    ] as const) {
      it(`refuses ${what} as BODY_INVALID`, async () => {
        expect((await failure(make(), body)).code).to.equal('BODY_INVALID');
      });
    }

    it('reports every fault of a value with its JSON Pointer', async () => {
      const { code, details = [] } = await failure(make(), '{"id":"x","name":5,"inner":{"n":"y"}}');
      expect(code).to.equal('SCHEMA_VALIDATION_FAILED');
      expect(details.map(({ pointer }) => pointer)).to.have.members(['/id', '/name', '/inner/n']);
      for (const { rule, expected, message } of details) expect([rule, expected, message]).to.not.include('');
    });

    it('refuses a value of another kind at the root', async () => {
      for (const body of ['null', '5', '[]', '"x"']) {
        const { code, details = [] } = await failure(make(), body);
        expect([code, details[0]?.pointer], body).to.deep.equal(['SCHEMA_VALIDATION_FAILED', '']);
      }
    });

    it('refuses a deeply nested body without a stack overflow', async () => {
      const depth = 200_000;
      const deep = `{"id":7,"name":"x","inner":${'['.repeat(depth)}${']'.repeat(depth)}}`;
      expect((await failure(make(), deep)).code).to.be.oneOf(['BODY_INVALID', 'SCHEMA_VALIDATION_FAILED']);
    });

    it('takes a member named __proto__ as a name like others', async () => {
      const under = make();
      const compiled = await compile(under);
      const body = '{"__proto__":{"name":"x"},"id":7,"inner":{"n":1}}';
      expect(() => compiled.encode(body, prefix)).to.throw(RequestError);
      expect(Object.keys(Object.prototype)).to.deep.equal([]);
    });

    it('keeps two schemas of the same names apart', async () => {
      const under = make();
      const compiled = await compile(under);
      const other = await compile(under, under.otherSchema);
      const text = JSON.stringify({ id: 7, other: 'o', inner: { n: 1 } });
      expect(under.decode(compiled.encode(valueText, prefix).subarray(prefix.length))).to.have.property('name');
      expect(() => other.encode(text, prefix)).not.to.throw();
      expect(() => compiled.encode(text, prefix)).to.throw(RequestError);
    });

    for (const [what, text] of [
      ['is no schema', 'no schema {'],
      ['is empty', ''],
      ['is over the bound of text', ' '.repeat(schemaBounds.text + 1)],
    ] as const) {
      it(`reports a schema as unusable that ${what}`, async () => {
        await expectUnusable(make(), text);
      });
    }

    it('reports a schema as unusable whose reference does not come with it', async () => {
      const under = make();
      await expectUnusable(under, under.withoutReference);
    });

    async function expectUnusable(under: FormatUnderTest, text: string): Promise<void> {
      let found: unknown = 'nothing';
      try {
        await compile(under, text);
      } catch (error) {
        found = error;
      }
      expect(found).to.be.instanceOf(SchemaUnusableError).with.property('message').that.is.not.equal('');
    }
  });
}
