import { expect } from 'chai';
import { RequestError } from '../../shared/errors.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { register, registerAvro, registerJson, testRegistry } from '../helpers/registry.ts';
import { realUpstream, type UpstreamRequest } from '../helpers/real-upstream.ts';

const octets = ['content-type', 'application/octet-stream'];
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const jsonObject = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' };
const frame = (id: number): Buffer => {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(id, 1);
  return prefix;
};

describe('bodies that are messages of a schema, with a real Kafka and registry', function () {
  this.timeout(60_000);
  const closing = new Closing();
  const { create, send } = realUpstream(closing);
  after(() => closing.close());

  async function start(prefix: string, body_encoding: string, registerSchema: (subject: string) => Promise<number>) {
    const topic = await createTopic(prefix);
    const subject = `${topic}-value`;
    const id = await registerSchema(subject);
    const confluent = { url: testRegistry(), ttl: 0, value_schema: { subject_name: subject } };
    const instance = create({ topic, record_value: 'body', body_encoding, schema_registry: { confluent } });
    const ask = (body: Buffer, more: UpstreamRequest = {}): Promise<{ status: number; code?: string }> =>
      send(instance, { headers: octets, body, ...more });
    const values = async (): Promise<(string | undefined)[]> =>
      (await readTopic(topic)).map(({ value }) => value?.toString('hex'));
    return { subject, id, ask, values };
  }
  const avro = (subject: string): Promise<number> =>
    registerAvro(subject, { type: 'record', name: 'N', fields: [{ name: 'n', type: 'long' }] });
  const proto = (subject: string): Promise<number> =>
    register(
      subject,
      { schemaType: 'PROTOBUF', schema: 'syntax = "proto3"; message A { string a = 1; } message B { int32 b = 1; }' },
      testRegistry(),
    );

  it('are written in Avro as they came, behind their frame', async () => {
    const { id, ask, values } = await start('avro-body', 'avro', avro);
    expect(await ask(hex('02'))).to.include({ status: 200 });
    const refused = await ask(hex('0202'));
    expect(refused).to.include({ status: 422, code: 'SCHEMA_VALIDATION_FAILED' });
    expect(await ask(Buffer.alloc(0))).to.include({ status: 422 });
    expect(await values()).to.deep.equal([`${frame(id).toString('hex')}02`]);
  });

  it('are written in Protobuf with the place of their message', async () => {
    const { id, ask, values } = await start('proto-body', 'protobuf', proto);
    expect(await ask(hex('0a0161'))).to.include({ status: 200 });
    expect(await ask(Buffer.alloc(0))).to.include({ status: 200 });
    expect(await ask(hex('0a0261'))).to.include({ status: 422 });
    const prefix = `${frame(id).toString('hex')}00`;
    expect(await values()).to.deep.equal([`${prefix}0a0161`, prefix]);
  });

  it('of another kind than their schema are refused', async () => {
    const { ask } = await start('other-body', 'protobuf', avro);
    expect(await ask(hex('02'))).to.include({ status: 422, code: 'SCHEMA_VALIDATION_FAILED' });
  });

  it('that are framed are taken when their id belongs to the subject', async () => {
    const { subject, id, ask, values } = await start('framed-body', 'framed', avro);
    const later = await registerAvro(subject, {
      type: 'record',
      name: 'N',
      fields: [
        { name: 'n', type: 'long' },
        { name: 'm', type: 'long', default: 0 },
      ],
    });
    const stranger = await registerAvro(`${subject}-other`, 'string');
    const bodies = [Buffer.concat([frame(later), hex('0204')]), Buffer.concat([frame(id), hex('02')])];
    for (const body of bodies) expect(await ask(body)).to.include({ status: 200 });
    const refused = [
      Buffer.concat([frame(id), hex('0204')]),
      Buffer.concat([frame(stranger), hex('0261')]),
      Buffer.concat([frame(1_000_000), hex('02')]),
      hex('01 00000001 02'),
      hex('00 00'),
    ];
    for (const body of refused) {
      const answer = await ask(body);
      expect(answer, body.toString('hex')).to.include({ status: 422, code: 'SCHEMA_VALIDATION_FAILED' });
      expect(answer instanceof RequestError && answer.details?.length).to.equal(1);
    }
    expect(await values()).to.deep.equal(bodies.map((body) => body.toString('hex')));
  });

  it('that are framed in Protobuf name their message, in JSON they are JSON', async () => {
    const protobuf = await start('framed-proto', 'framed', proto);
    for (const place of ['00', '0200']) {
      expect(await protobuf.ask(Buffer.concat([frame(protobuf.id), hex(`${place}0a0161`)]))).to.include({
        status: 200,
      });
    }
    expect(await protobuf.ask(Buffer.concat([frame(protobuf.id), hex('02020801')]))).to.include({ status: 422 });
    const json = await start('framed-json', 'framed', (subject) => registerJson(subject, jsonObject));
    expect(await json.ask(Buffer.concat([frame(json.id), Buffer.from('{"a":1.0}')]))).to.include({ status: 200 });
    expect(await json.ask(Buffer.concat([frame(json.id), Buffer.from('5')]))).to.include({ status: 422 });
    expect(await json.ask(Buffer.concat([frame(json.id), hex('ff')]))).to.include({ status: 422 });
    expect(await json.values()).to.deep.equal([
      `${frame(json.id).toString('hex')}${Buffer.from('{"a":1.0}').toString('hex')}`,
    ]);
  });
});
