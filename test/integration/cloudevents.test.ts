import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { RequestError } from '../../shared/errors.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, type ReadRecord, readTopic } from '../helpers/kafka.ts';
import { pythonPackages } from '../helpers/python-packages.ts';
import { realUpstream } from '../helpers/real-upstream.ts';

const run = promisify(execFile);

/** An event as the SDK hands it out. */
interface Event {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly partitionkey?: string;
  readonly myext?: string;
  readonly data?: unknown;
}

/** A request, or what is read as one. */
interface Message {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** What is used of the SDK. Its own types do not fit `exactOptionalPropertyTypes`. */
interface Sdk {
  readonly CloudEvent: new (fields: Event) => Event;
  readonly HTTP: {
    binary(event: Event): Message;
    structured(event: Event): Message;
    toEvent(message: Message): Event | readonly Event[];
  };
}

const sdkName: string = 'cloudevents';

describe('CloudEvents with a real Kafka', function () {
  this.timeout(120_000);
  const closing = new Closing();
  const { create, send } = realUpstream(closing);
  after(() => closing.close());

  let sdk: Sdk;
  let events: readonly Event[];
  before(async () => {
    sdk = (await import(sdkName)) as Sdk;
    events = eventsOf(sdk);
  });

  const eventsOf = ({ CloudEvent }: Sdk): readonly Event[] => [
    new CloudEvent({ id: '1', source: '/shop', type: 'order', subject: 'ü "x"', data: { item: 'hat', price: 9.5 } }),
    new CloudEvent({
      id: '2',
      source: '/shop',
      type: 'order',
      data: 'text',
      datacontenttype: 'text/plain',
      partitionkey: 'p',
    }),
    new CloudEvent({
      id: '3',
      source: '/shop',
      type: 'order',
      data: Uint8Array.of(0, 255),
      datacontenttype: 'image/png',
    }),
    new CloudEvent({ id: '4', source: '/shop', type: 'order.gone', partitionkey: 'p', myext: 'x' }),
  ];

  /** The headers as a listener hands them on: bytes as characters. */
  const flat = (message: Message): string[] =>
    Object.entries(message.headers).flatMap(([name, value]) => [name, Buffer.from(String(value)).toString('latin1')]);
  const bodyOf = ({ body }: Message): string | Buffer => {
    if (body instanceof Uint8Array) return Buffer.from(body);
    return typeof body === 'string' ? body : '';
  };

  async function write(config: object, messages: readonly Message[]): Promise<ReadRecord[]> {
    const topic = await createTopic('events');
    const instance = create({ topic, records_from: 'cloudevents', record_value: 'body', ...config });
    for (const message of messages) {
      const answer = await send(instance, { headers: flat(message), body: bodyOf(message) });
      if (answer instanceof RequestError) throw answer;
    }
    return readTopic(topic);
  }

  /** What the SDK sees in a record, by the JSON format. */
  const facts = (event: Event): object => {
    const { id, source, type, subject, datacontenttype = 'application/json', partitionkey, myext } = event;
    const data = event.data instanceof Uint8Array ? Buffer.from(event.data).toString('hex') : event.data;
    const [mediaType] = datacontenttype.split(';');
    return { id, source, type, subject, mediaType, partitionkey, myext, data };
  };

  /** A record of the binary mode as the SDK's HTTP reader takes it: the bindings differ in the names of headers alone. */
  function readBack({ headers, value }: ReadRecord): object {
    const renamed = Object.entries(headers).map(([name, text]): [string, string] => [
      name.replace(/^ce_/, 'ce-'),
      name.startsWith('ce_') ? encodeURI(String(text)) : String(text),
    ]);
    const isBinary = String(headers['content-type'] ?? '').startsWith('image/');
    const read = sdk.HTTP.toEvent({
      headers: Object.fromEntries(renamed),
      body: isBinary ? value : (value?.toString() ?? undefined),
    });
    if (!('id' in read)) throw new Error('one event');
    const { subject } = read;
    return { ...facts(read), subject: subject === undefined ? undefined : decodeURI(subject) };
  }

  for (const [mode, write1] of [
    ['binary', (event: Event) => sdk.HTTP.binary(event)],
    ['structured', (event: Event) => sdk.HTTP.structured(event)],
  ] as const) {
    it(`of the official SDK in ${mode} mode are read back by it`, async () => {
      const records = await write({}, events.map(write1));
      expect(records.map(({ key }) => key?.toString())).to.deep.equal([undefined, 'p', undefined, 'p']);
      expect(records[3]?.value).to.equal(null);
      expect(records.map(readBack)).to.deep.equal(events.map(facts));
    });
  }

  it('come in batches, and stay structured where that is wanted', async () => {
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    const body = JSON.stringify(events);
    const batched = await write({}, [{ headers, body }]);
    // Records without a key go their own way.
    expect(batched.map(readBack)).to.have.deep.members(events.map(facts));
    const structured = await write({ cloudevents: { mode: 'structured' } }, [{ headers, body }]);
    expect(structured.map(({ value }) => value?.toString())).to.have.members(
      events.map((event) => JSON.stringify(event)),
    );
    expect(structured.map((record) => String(record.headers['content-type']))).to.deep.equal(
      events.map(() => 'application/cloudevents+json; charset=UTF-8'),
    );
  });

  it('are read back by the SDK of Python', async function () {
    const packages = await pythonPackages('cloudevents', ['cloudevents==1.12.0']);
    if (packages === undefined) this.skip();
    const modes = { binary: {}, structured: { cloudevents: { mode: 'structured' } } };
    for (const [mode, config] of Object.entries(modes)) {
      const records = await write(
        config,
        events.map((event) => sdk.HTTP.structured(event)),
      );
      const messages = records.map(({ headers, key, value }) => ({
        headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
        key: key?.toString() ?? null,
        value: value?.toString('base64') ?? null,
      }));
      const script = fileURLToPath(new URL('../../../test/integration/read_events.py', import.meta.url));
      const { stdout } = await run('python3', [script, mode, JSON.stringify(messages)], {
        env: { ...process.env, PYTHONPATH: packages },
      });
      const expected = events.map(({ id, source, type, subject }) => ({ id, source, type, subject: subject ?? null }));
      const read = JSON.parse(stdout) as readonly { readonly data: unknown }[];
      expect(read.map(({ data: _data, ...rest }) => rest)).to.deep.equal(expected);
      expect(read[0]?.data).to.deep.equal({ item: 'hat', price: 9.5 });
    }
  });
});
