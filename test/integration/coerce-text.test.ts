import avro from 'avsc';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { realUpstream } from '../helpers/real-upstream.ts';
import { registerAvro, registerJson, testRegistry } from '../helpers/registry.ts';

const form = ['content-type', 'application/x-www-form-urlencoded'];
const optional = (name: string, ...types: unknown[]) => ({ name, type: ['null', ...types], default: null });
const avroSchema = {
  type: 'record',
  name: 'Form',
  fields: [
    optional('i', 'int'),
    optional('d', 'double'),
    optional('b', 'boolean'),
    optional('s', 'string'),
    optional('tags', { type: 'array', items: 'string' }),
    optional('numbers', { type: 'array', items: 'int' }),
    optional('either', 'int', 'string'),
    optional('both', 'int', { type: 'array', items: 'double' }),
  ],
};
const jsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    i: { type: 'integer' },
    d: { type: 'number' },
    b: { type: 'boolean' },
    s: { type: 'string' },
    tags: { type: 'array', items: { type: 'string' } },
    numbers: { type: 'array', items: { type: 'integer' } },
    either: { type: ['integer', 'string'] },
    both: { anyOf: [{ type: 'integer' }, { type: 'array', items: { type: 'number' } }] },
    'a/b~': { type: 'integer' },
  },
};

describe('coerce_text with a real Kafka and registry', function () {
  this.timeout(60_000);
  const closing = new Closing();
  const { create, send } = realUpstream(closing);
  after(() => closing.close());

  /** Bodies and what is read back; null: 422. */
  const rows: [body: string, value: object | null, only?: 'json'][] = [
    ['i=5', { i: 5 }],
    ['i=-7', { i: -7 }],
    ['d=1.5e3', { d: 1500 }],
    ['b=true', { b: true }],
    ['s=5', { s: '5' }],
    ['s=true', { s: 'true' }],
    ['tags=a', { tags: ['a'] }],
    ['tags=5', { tags: ['5'] }],
    ['tags=', { tags: [''] }],
    ['numbers=5', { numbers: [5] }],
    ['numbers=5&numbers=6', { numbers: [5, 6] }],
    ['either=5', { either: '5' }],
    ['i=5&b=false&tags=x&s=', { i: 5, b: false, tags: ['x'], s: '' }],
    ['a%2Fb~=7', { 'a/b~': 7 }, 'json'],
    ['both=5', null],
    ['i=05', null],
    ['i=+5', null],
    ['i=0x5', null],
    ['i=5.5', null],
    ['i=', null],
    ['i=null', null],
    ['b=yes', null],
    ['b=TRUE', null],
    ['b=1', null],
    ['i=5&unknown=1', null],
    ['numbers=5&numbers=x', null],
  ];

  for (const kind of ['avro', 'json'] as const) {
    it(`reads text as the ${kind} schema asks for it, where one reading fits`, async () => {
      const topic = await createTopic('coerced');
      const subject = `${topic}-value`;
      await (kind === 'avro' ? registerAvro(subject, avroSchema) : registerJson(subject, jsonSchema));
      const value_schema = { subject_name: subject };
      const schema_registry = { confluent: { url: testRegistry(), value_schema } };
      const instance = create({ topic, record_value: 'body', coerce_text: true, schema_registry });
      const asked = rows.filter(([, , only]) => only === undefined || only === kind);
      for (const [body, value] of asked) {
        const answer = await send(instance, { headers: form, body });
        expect(answer, body).to.include(value === null ? { status: 422, outcome: 'rejected' } : { status: 200 });
      }
      const read = avro.Type.forSchema(avroSchema as avro.Schema, { wrapUnions: false });
      const decoded = (await readTopic(topic)).map(({ value }) => {
        const payload = (value ?? Buffer.alloc(5)).subarray(5);
        return kind === 'avro' ? withoutNulls(read.fromBuffer(payload)) : (JSON.parse(payload.toString()) as unknown);
      });
      expect(decoded).to.deep.equal(asked.flatMap(([, value]) => (value === null ? [] : [value])));
      // A body of JSON says itself what is a number.
      expect(await send(instance, { body: '{"i":"5"}' })).to.include({ status: 422 });
    });
  }
});

function withoutNulls(value: unknown): object {
  return Object.fromEntries(Object.entries(value as object).filter(([, member]) => member !== null));
}
