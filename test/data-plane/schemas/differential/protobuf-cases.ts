import * as fc from 'fast-check';
import {
  object,
  pick,
  several,
  text,
  valuesASchema,
  wholeJson,
  wholeNumber,
  type Gen,
  type GeneratedSchema,
  type GeneratedValue,
} from './cases.ts';

/** A field's type: its name in the .proto file, in a FileDescriptorProto, and values as canonical proto3 JSON. */
interface Kind {
  readonly proto: string;
  readonly descriptor: { readonly type: string; readonly typeName?: string };
  /** Whether the field has presence without being optional. */
  readonly isMessage?: true;
  readonly isKey?: true;
  value(): GeneratedValue & { readonly isZero: boolean };
}

interface Field {
  readonly name: string;
  readonly jsonName: string;
  readonly shape: 'plain' | 'optional' | 'repeated' | 'map' | 'oneof';
  readonly of: Kind;
  readonly key?: Kind;
}

let packages = 0;

/** A random .proto file with values of its first message. */
export function protobufSchema(gen: Gen): GeneratedSchema {
  const packageName = `sluice.t${process.pid}_${packages++}`;
  const messages: { text: string; descriptor: unknown }[] = [];
  const scalars = scalarKinds(gen);
  const wellKnown = wellKnownKinds(gen);
  const enumKind: Kind = {
    proto: 'Color',
    descriptor: { type: 'TYPE_ENUM', typeName: `.${packageName}.Color` },
    value() {
      const [name, number] = pick(gen, [
        ['RED', 0],
        ['GREEN', 1],
        ['BLUE', -5],
      ] as const);
      return { json: gen(fc.boolean) ? `"${name}"` : String(number), expected: name, isZero: number === 0 };
    },
  };

  // The first message comes first in the file, though it is made last.
  const root = messageKind('Root', 0);
  const values = Array.from({ length: valuesASchema }, () => {
    const { json, expected } = root.value();
    return { json, expected };
  });
  messages.reverse();
  const imports = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers'].map(
    (file) => `google/protobuf/${file}.proto`,
  );
  return {
    schemaType: 'PROTOBUF',
    message: `${packageName}.Root`,
    schema: [
      'syntax = "proto3";',
      `package ${packageName};`,
      ...imports.map((file) => `import "${file}";`),
      ...messages.map((message) => message.text),
      'enum Color { RED = 0; GREEN = 1; BLUE = -5; }',
    ].join('\n'),
    descriptor: {
      name: `${packageName}.proto`,
      package: packageName,
      syntax: 'proto3',
      dependency: imports,
      messageType: messages.map((message) => message.descriptor),
      enumType: [
        {
          name: 'Color',
          value: [
            { name: 'RED', number: 0 },
            { name: 'GREEN', number: 1 },
            { name: 'BLUE', number: -5 },
          ],
        },
      ],
    },
    values,
  };

  function make(depth: number): Kind {
    if (depth < 2 && gen(fc.nat, 3) === 0)
      return messageKind(`M${messages.length}_${depth}_${gen(fc.nat, 1_000_000)}`, depth + 1);
    return pick(gen, [...scalars, ...wellKnown, enumKind]);
  }

  function messageKind(name: string, depth: number): Kind {
    const fields = several(gen, 7, (index): Field => {
      const shape = pick(gen, ['plain', 'plain', 'optional', 'repeated', 'map', 'oneof'] as const);
      const key = pick(
        gen,
        scalars.filter(({ isKey }) => isKey === true),
      );
      return { name: `some_field_${index}`, jsonName: `someField${index}`, shape, of: make(depth), key };
    });
    messages.push({ text: messageText(name, fields), descriptor: messageDescriptor(name, packageName, fields) });
    return {
      proto: name,
      descriptor: { type: 'TYPE_MESSAGE', typeName: `.${packageName}.${name}` },
      isMessage: true,
      value: () => ({ ...messageValue(gen, fields), isZero: false }),
    };
  }
}

function messageText(name: string, fields: readonly Field[]): string {
  const numbered = fields.map((field, index) => ({ ...field, number: index * 7 + 1 }));
  const line = ({ shape, of, key, name: field, number }: (typeof numbered)[number]): string => {
    const type = shape === 'map' ? `map<${key?.proto}, ${of.proto}>` : of.proto;
    const label = shape === 'repeated' || shape === 'optional' ? `${shape} ` : '';
    return `${label}${type} ${field} = ${number};`;
  };
  const chosen = numbered.filter(({ shape }) => shape === 'oneof');
  const others = numbered.filter(({ shape }) => shape !== 'oneof');
  const oneof = chosen.length === 0 ? [] : [`oneof choice { ${chosen.map(line).join(' ')} }`];
  return `message ${name} { ${[...others.map(line), ...oneof].join(' ')} }`;
}

function messageDescriptor(name: string, packageName: string, fields: readonly Field[]): unknown {
  const hasOneof = fields.some(({ shape }) => shape === 'oneof');
  // Each optional field is alone in a oneof of its own, behind the declared ones.
  const optional = fields.filter(({ shape }) => shape === 'optional');
  const single = { label: 'LABEL_OPTIONAL' };
  return {
    name,
    oneofDecl: [...(hasOneof ? [{ name: 'choice' }] : []), ...optional.map((field) => ({ name: `_${field.name}` }))],
    field: fields.map((field, index) => {
      const common = { name: field.name, jsonName: field.jsonName, number: index * 7 + 1 };
      if (field.shape === 'map') {
        const typeName = `.${packageName}.${name}.${entryName(field.name)}`;
        return { ...common, label: 'LABEL_REPEATED', type: 'TYPE_MESSAGE', typeName };
      }
      if (field.shape === 'repeated') return { ...common, label: 'LABEL_REPEATED', ...field.of.descriptor };
      const oneofIndex = field.shape === 'oneof' ? 0 : (hasOneof ? 1 : 0) + optional.indexOf(field);
      const oneof = field.shape === 'plain' ? {} : { oneofIndex };
      const mark = field.shape === 'optional' ? { proto3Optional: true } : {};
      return { ...common, ...single, ...field.of.descriptor, ...oneof, ...mark };
    }),
    nestedType: fields
      .filter(({ shape }) => shape === 'map')
      .map((field) => ({
        name: entryName(field.name),
        options: { mapEntry: true },
        field: [
          { name: 'key', jsonName: 'key', number: 1, ...single, ...field.key?.descriptor },
          { name: 'value', jsonName: 'value', number: 2, ...single, ...field.of.descriptor },
        ],
      })),
  };
}

function entryName(field: string): string {
  return `${field.replaceAll(/(?:^|_)(.)/g, (_match, letter: string) => letter.toUpperCase())}Entry`;
}

function messageValue(gen: Gen, fields: readonly Field[]): GeneratedValue {
  const members = fields.filter(({ shape }) => shape === 'oneof');
  const chosen = members.length > 0 && gen(fc.boolean) ? pick(gen, members) : undefined;
  const json: [string, string][] = [];
  const expected: [string, unknown][] = [];
  for (const field of fields) {
    if (field.shape === 'oneof' ? field !== chosen : gen(fc.nat, 3) === 0) continue;
    const key = gen(fc.boolean) ? field.jsonName : field.name;
    switch (field.shape) {
      case 'plain':
      case 'optional':
      case 'oneof': {
        const value = field.of.value();
        json.push([key, value.json]);
        const hasPresence = field.shape !== 'plain' || field.of.isMessage === true;
        if (hasPresence || !value.isZero) expected.push([field.jsonName, value.expected]);
        break;
      }
      case 'repeated': {
        const list = several(gen, 3, () => field.of.value());
        json.push([key, `[${list.map((item) => item.json).join(',')}]`]);
        if (list.length > 0) expected.push([field.jsonName, list.map((item) => item.expected)]);
        break;
      }
      case 'map': {
        const entries = new Map(
          several(gen, 3, () => [String(field.key?.value().expected), field.of.value()] as const),
        );
        json.push([key, object([...entries].map(([name, item]) => [name, item.json]))]);
        const items = [...entries].map(([name, item]) => [name, item.expected] as const);
        if (entries.size > 0) expected.push([field.jsonName, Object.fromEntries(items)]);
        break;
      }
    }
  }
  return { json: object(json), expected: Object.fromEntries(expected) };
}

function scalarKinds(gen: Gen): Kind[] {
  const kind = (proto: string, value: Kind['value'], isKey = false): Kind => {
    return { proto, descriptor: { type: `TYPE_${proto.toUpperCase()}` }, value, ...(isKey ? { isKey: true } : {}) };
  };
  const whole = (proto: string, bits: 32 | 64, signed: boolean): Kind =>
    kind(
      proto,
      () => {
        const value = wholeNumber(gen, bits, signed);
        const expected = bits === 64 ? String(value) : Number(value);
        return { json: wholeJson(gen, value, true), expected, isZero: value === 0n };
      },
      true,
    );
  return [
    ...['int32', 'sint32', 'sfixed32'].map((proto) => whole(proto, 32, true)),
    ...['uint32', 'fixed32'].map((proto) => whole(proto, 32, false)),
    ...['int64', 'sint64', 'sfixed64'].map((proto) => whole(proto, 64, true)),
    ...['uint64', 'fixed64'].map((proto) => whole(proto, 64, false)),
    kind('bool', () => ((value) => ({ json: String(value), expected: value, isZero: !value }))(gen(fc.boolean)), true),
    kind(
      'string',
      () => ((value) => ({ json: JSON.stringify(value), expected: value, isZero: value === '' }))(text(gen, 200)),
      true,
    ),
    kind('bytes', () => {
      const bytes = Buffer.from(gen(fc.uint8Array, { maxLength: 40 }));
      const json = JSON.stringify(bytes.toString(gen(fc.boolean) ? 'base64' : 'base64url'));
      return { json, expected: bytes.toString('base64'), isZero: bytes.length === 0 };
    }),
    // Eighths are told alike by every printer of floats.
    kind('float', () => floating(gen(fc.integer, { min: -80_000, max: 80_000 }) / 8)),
    kind('double', () => floating(gen(fc.double))),
  ];
}

function floating(value: number): GeneratedValue & { isZero: boolean } {
  if (!Number.isFinite(value)) return { json: JSON.stringify(String(value)), expected: String(value), isZero: false };
  const json = Object.is(value, -0) ? '-0.0' : JSON.stringify(value);
  return { json, expected: value, isZero: Object.is(value, 0) };
}

function wellKnownKinds(gen: Gen): Kind[] {
  const kind = (name: string, value: () => GeneratedValue): Kind => ({
    proto: `google.protobuf.${name}`,
    descriptor: { type: 'TYPE_MESSAGE', typeName: `.google.protobuf.${name}` },
    isMessage: true,
    value: () => ({ ...value(), isZero: false }),
  });
  const same = (value: unknown): GeneratedValue => {
    const json = JSON.stringify(value);
    // JSON.stringify drops the sign of a zero.
    return { json, expected: JSON.parse(json) };
  };
  const jsonValue = (): unknown => gen(fc.jsonValue, { maxDepth: 2, stringUnit: 'grapheme' });
  // Three digits of a second's fraction, as many as the printers write.
  const fraction = (): string => String(1 + gen(fc.nat, 998)).padStart(3, '0');
  return [
    kind('Timestamp', () => {
      const seconds = gen(fc.integer, { min: -62_135_596_800, max: 253_402_300_799 });
      const iso = new Date(seconds * 1000).toISOString().replace('.000Z', '');
      return same(gen(fc.boolean) ? `${iso}Z` : `${iso}.${fraction()}Z`);
    }),
    kind('Duration', () => {
      const seconds = gen(fc.integer, { min: -315_575_999_999, max: 315_575_999_999 });
      return same(gen(fc.boolean) ? `${seconds}s` : `${seconds}.${fraction()}s`);
    }),
    kind('FieldMask', () => same(several(gen, 2, (index) => `fooBar${index}.x`).join(','))),
    kind('Empty', () => same({})),
    kind('Struct', () => same({ a: jsonValue(), 'b.ü': jsonValue() })),
    kind('ListValue', () => same([jsonValue(), null])),
    kind('Int64Value', () =>
      ((value) => ({ json: wholeJson(gen, value, true), expected: String(value) }))(wholeNumber(gen, 64)),
    ),
    kind('StringValue', () => same(text(gen))),
    kind('BoolValue', () => same(gen(fc.boolean))),
    kind('Any', () => ({
      json: '{"value":"1.500s","@type":"type.googleapis.com/google.protobuf.Duration"}',
      expected: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1.500s' },
    })),
  ];
}
