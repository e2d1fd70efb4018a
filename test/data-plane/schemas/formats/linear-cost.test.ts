import { expect } from 'chai';
import { avroFormat, compileAvro } from '../../../../data-plane/schemas/formats/avro.ts';
import type { CompiledSchema, Format } from '../../../../data-plane/schemas/formats/format.ts';
import { compileProtobuf, protobufFormat } from '../../../../data-plane/schemas/formats/protobuf.ts';
import { runAtOnce, type Steps } from '../../../../data-plane/schemas/formats/steps.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { expectLinearCost } from '../../../helpers/linear-cost.ts';
import { formatOptions } from '../format-options.ts';

/** The CPU time for which a compilation may keep other work from its turn, with what the collector adds. */
const turnMsMax = 40;
/** Fields and the like of the largest schema: the bounds allow no more of some. */
const schemaSizeMax = 64_000;

type Compile = (
  source: { text: string; references: [] },
  options: ReturnType<typeof formatOptions>,
) => Steps<CompiledSchema>;

const many = <T>(size: number, make: (index: number) => T): T[] =>
  Array.from({ length: size }, (_, index) => make(index));
const record = (name: string, fields: unknown[]): object => ({ type: 'record', name, fields });
const proto = (text: string): string => `syntax = "proto3"; ${text}`;

/** A chain of records, each the default of a field of the one around it, side by side so that none is too deep. */
function nestedDefaults(size: number): object {
  const chain = (index: number): object => {
    let type: object = record(`L${index}`, [{ name: 'x', type: 'int', default: 1 }]);
    for (let depth = 1; depth < 40; depth++) type = record(`L${index}_${depth}`, [{ name: 'c', type, default: {} }]);
    return type;
  };
  return record(
    'R',
    many(size, (index) => ({ name: `f${index}`, type: chain(index), default: {} })),
  );
}

const avroSchemas: [what: string, make: (size: number) => unknown][] = [
  [
    'fields of an Avro record',
    (size) =>
      record(
        'R',
        many(size, (index) => ({ name: `f${index}`, type: 'int', default: 1 })),
      ),
  ],
  [
    'records of an Avro schema',
    (size) =>
      record(
        'R',
        many(size, (index) => ({
          name: `f${index}`,
          type: record(`R${index}`, [{ name: 'a', type: ['null', 'int'] }]),
        })),
      ),
  ],
  ['Avro defaults within each other', nestedDefaults],
  ['symbols of an Avro enum', (size) => ({ type: 'enum', name: 'E', symbols: many(size, (index) => `S${index}`) })],
  [
    'references to an Avro record',
    (size) =>
      record(
        'R',
        many(size, (index) => ({ name: `f${index}`, type: ['null', 'R'], default: null })),
      ),
  ],
];

const protos: [what: string, make: (size: number) => string][] = [
  [
    'fields of a Protobuf message',
    (size) => `message M { ${many(size, (index) => `string f${index} = ${index + 1};`).join(' ')} }`,
  ],
  [
    'messages of a Protobuf schema',
    (size) => many(size, (index) => `message M${index} { M${(index + 1) % size} next = 1; }`).join('\n'),
  ],
  [
    'options of a Protobuf schema',
    (size) => `${many(size, () => 'option (a).b = { c: [<d: "e">] };').join('\n')} message M {}`,
  ],
  ['text of a Protobuf option', (size) => `option (a) = { ${many(size, () => 'b { c: 1 }').join(' ')} }; message M {}`],
];

const schemas: [what: string, compile: Compile, text: (size: number) => string][] = [
  ...avroSchemas.map(([what, make]): (typeof schemas)[number] => [
    what,
    compileAvro,
    (size) => JSON.stringify(make(size)),
  ]),
  ...protos.map(([what, make]): (typeof schemas)[number] => [what, compileProtobuf, (size) => proto(make(size))]),
];

const line = { id: 'a', n: 5, tags: ['x'] };
const avroBody = record('R', [
  {
    name: 'lines',
    type: {
      type: 'array',
      items: record('L', [
        { name: 'id', type: ['null', 'string'] },
        { name: 'n', type: ['int', 'double', 'string'] },
        { name: 'tags', type: { type: 'array', items: 'string' } },
      ]),
    },
  },
]);
const protoBody = proto(
  'message R { repeated L lines = 1; message L { string id = 1; int64 n = 2; repeated string tags = 3; } }',
);

const bodies: [what: string, compile: Compile, schema: string, text: (size: number) => string][] = [
  [
    'an Avro body of many records',
    compileAvro,
    JSON.stringify(avroBody),
    (size) => JSON.stringify({ lines: many(size, () => line) }),
  ],
  [
    'an Avro body of many faults',
    compileAvro,
    JSON.stringify(avroBody),
    (size) => JSON.stringify({ lines: many(size, () => ({ ...line, id: 1, n: [], more: 1 })) }),
  ],
  ['an Avro string', compileAvro, '"string"', (size) => JSON.stringify('ü"'.repeat(size))],
  [
    'a Protobuf body of many messages',
    compileProtobuf,
    protoBody,
    (size) => JSON.stringify({ lines: many(size, () => line) }),
  ],
  [
    'a Protobuf body of many faults',
    compileProtobuf,
    protoBody,
    (size) => JSON.stringify({ lines: many(size, () => ({ ...line, id: 1, n: 'x', more: 1 })) }),
  ],
  [
    'a Protobuf body of many undeclared names',
    compileProtobuf,
    protoBody,
    (size) => JSON.stringify(Object.fromEntries(many(size, (index) => [`f${index}`, 1]))),
  ],
  [
    'small messages of a Protobuf type with 2,000 fields',
    compileProtobuf,
    proto(
      `message R { repeated L lines = 1; message L { ${many(2_000, (index) => `int32 f${index} = ${index + 1};`).join(' ')} } }`,
    ),
    (size) => JSON.stringify({ lines: many(size, () => ({ f1999: 1 })) }),
  ],
];

describe('the cost of schemas and bodies', function () {
  this.timeout(120_000);

  for (const [what, compile, text] of schemas) {
    it(`grows linearly with the ${what}`, () =>
      expectLinearCost({
        make: text,
        run: (schema) => runAtOnce(compile({ text: schema, references: [] }, formatOptions())),
        sizeMin: 50,
        sizeMax: schemaSizeMax,
      }));
  }

  for (const [what, compile, schema, text] of bodies) {
    it(`grows linearly with ${what}`, () => {
      const compiled = runAtOnce(compile({ text: schema, references: [] }, formatOptions()));
      const run = (body: string): unknown => {
        try {
          return compiled.encode(body, Buffer.alloc(5));
        } catch (error) {
          if (!(error instanceof RequestError)) throw error;
          return error;
        }
      };
      return expectLinearCost({ make: text, run, sizeMin: 100 });
    });
  }

  const large: [format: Format, text: string][] = [
    [avroFormat, JSON.stringify(avroSchemas[0]?.[1](10_000))],
    [protobufFormat, proto(protos[0]?.[1](10_000) ?? '')],
  ];
  for (const [format, text] of large) {
    it(`lets other work have its turn while a schema of 10,000 fields compiles (${format.type})`, async () => {
      // The first time the code itself is compiled, which is not what is measured.
      await format.compile({ text, references: [] }, formatOptions());
      const turns: number[] = [];
      let isDone = false;
      let last = process.cpuUsage();
      const turn = (): void => {
        const { user, system } = process.cpuUsage(last);
        turns.push((user + system) / 1000);
        last = process.cpuUsage();
        if (!isDone) setImmediate(turn);
      };
      setImmediate(turn);
      await format.compile({ text, references: [] }, formatOptions());
      isDone = true;
      // A compile in one piece gives one turn; how many more there are depends on the machine's speed.
      expect(turns.length).to.be.at.least(2);
      expect(Math.max(...turns)).to.be.at.most(turnMsMax);
    });
  }
});
