import { schemaBounds, SchemaUnusableError } from './format.ts';
import {
  defaultFeatures,
  scalarNames,
  type FeatureScope,
  type ProtoEnum,
  type ProtoField,
  type ProtoFile,
  type ProtoMessage,
} from './proto-file.ts';
import { readFieldOptions, readOptionStatement, skipBlock } from './proto-options.ts';
import { ProtoTokens } from './proto-tokens.ts';
import type { Steps } from './steps.ts';

const fieldNumberMax = 2 ** 29 - 1;
const keyTypes: ReadonlySet<string> = new Set(
  [...scalarNames].filter((name) => !['float', 'double', 'bytes'].includes(name)),
);

/** The scope in which a message, enum or extension is declared. */
interface Scope {
  /** The full name of what stands around, with a dot behind it; empty at the file's level without a package. */
  readonly prefix: string;
  readonly features: FeatureScope;
  readonly messages: ProtoMessage[];
  readonly enums: ProtoEnum[];
  readonly depth: number;
}

/** The state that is shared by the reading of one file. */
interface Reading {
  readonly tokens: ProtoTokens;
  /** Whether `optional` only gives a field presence (proto3). */
  isProto3: boolean;
  /** Whether `export` and `local` may stand before a definition (edition 2024). */
  hasVisibility: boolean;
  fieldsLeft: number;
}

/**
 * Reads a .proto file (proto2, proto3, editions 2023 and 2024). Our own rather than protobufjs's, which takes quadratic
 * time for the fields of a message, refuses parts of the language (lists in options, empty statements), and forgets
 * where a name was written, which decides what it means.
 * @throws SchemaUnusableError
 */
export function* readProtoFile(name: string, text: string, what: string): Steps<ProtoFile> {
  const tokens = new ProtoTokens(text, what);
  const reading: Reading = { tokens, isProto3: false, hasVisibility: false, fieldsLeft: schemaBounds.fields };
  const { messages, enums }: Pick<Scope, 'messages' | 'enums'> = { messages: [], enums: [] };
  const features = readSyntax(reading);
  let packageName = '';
  const imports: { name: string; isPublic: boolean }[] = [];
  const services: string[] = [];
  while (tokens.kind !== 'end') {
    yield;
    const prefix = packageName === '' ? '' : `${packageName}.`;
    const scope: Scope = { prefix, features, messages, enums, depth: 0 };
    if (tokens.take(';')) continue;
    if (tokens.take('import')) imports.push(readImport(tokens));
    else if (tokens.take('package')) {
      packageName = tokens.path();
      tokens.expect(';');
    } else if (tokens.take('option')) readOptionStatement(tokens, features);
    else if (tokens.take('service')) {
      services.push(prefix + tokens.word());
      skipBlock(tokens);
    } else if (!(yield* readDefinition(reading, scope))) tokens.fail('expected a definition');
  }
  return { name, packageName, imports, messages, enums, services };
}

function readSyntax(reading: Reading): FeatureScope {
  const { tokens } = reading;
  while (tokens.take(';'));
  if (!tokens.is('syntax') && !tokens.is('edition')) return featuresOf('proto2');
  tokens.next();
  tokens.expect('=');
  const version = tokens.string();
  tokens.expect(';');
  reading.isProto3 = version === 'proto3';
  reading.hasVisibility = version === '2024';
  return featuresOf(version);
}

function featuresOf(version: string): FeatureScope {
  const own = Object.hasOwn(defaultFeatures, version) ? defaultFeatures[version] : undefined;
  if (own === undefined) throw new SchemaUnusableError(`the syntax or edition '${version}' is not known`);
  return { around: null, own };
}

function readImport(tokens: ProtoTokens): { name: string; isPublic: boolean } {
  const isPublic = tokens.take('public');
  if (!isPublic && !tokens.take('weak')) tokens.take('option');
  const name = tokens.string();
  tokens.expect(';');
  return { name, isPublic };
}

/** Reads a message, enum or extension; false where none begins. */
function* readDefinition(reading: Reading, scope: Scope): Steps<boolean> {
  const { tokens } = reading;
  if (reading.hasVisibility && !tokens.take('export')) tokens.take('local');
  if (tokens.take('message')) yield* readMessage(reading, scope, tokens.word(), false);
  else if (tokens.take('enum')) yield* readEnum(reading, scope);
  else if (tokens.take('extend')) yield* readExtension(reading, scope);
  else return false;
  return true;
}

/** Reads a message from its opening brace. */
function* readMessage(reading: Reading, scope: Scope, name: string, isGroup: boolean): Steps<ProtoMessage> {
  if (scope.depth >= schemaBounds.depth) reading.tokens.fail(`messages nest deeper than ${schemaBounds.depth}`);
  const fullName = scope.prefix + name;
  const message: ProtoMessage = { kind: 'message', name, fullName, isGroup, fields: [], messages: [], enums: [] };
  scope.messages.push(message);
  const { messages, enums } = message;
  const features: FeatureScope = { around: scope.features, own: {} };
  const inner: Scope = { prefix: `${fullName}.`, features, messages, enums, depth: scope.depth + 1 };
  const { tokens } = reading;
  tokens.expect('{');
  while (!tokens.take('}')) {
    yield;
    yield* readMember(reading, inner, message.fields);
  }
  yield* refuseDuplicates(message);
  return message;
}

function* readMember(reading: Reading, scope: Scope, fields: ProtoField[]): Steps<void> {
  const { tokens } = reading;
  if (tokens.take(';')) return;
  if (tokens.take('option')) readOptionStatement(tokens, scope.features);
  else if (tokens.take('reserved') || tokens.take('extensions')) skipStatement(tokens);
  else if (tokens.take('oneof')) yield* readOneof(reading, scope, fields);
  else if (!(yield* readDefinition(reading, scope))) fields.push(yield* readField(reading, scope, null));
}

function skipStatement(tokens: ProtoTokens): void {
  while (!tokens.take(';')) {
    if (tokens.is('{')) skipBlock(tokens);
    else if (tokens.kind === 'end') tokens.fail("expected ';'");
    else tokens.next();
  }
}

function* readOneof(reading: Reading, scope: Scope, fields: ProtoField[]): Steps<void> {
  const { tokens } = reading;
  const name = tokens.word();
  const inner: Scope = { ...scope, features: { around: scope.features, own: {} } };
  tokens.expect('{');
  while (!tokens.take('}')) {
    yield;
    if (tokens.take(';')) continue;
    if (tokens.take('option')) readOptionStatement(tokens, inner.features);
    else fields.push(yield* readField(reading, inner, name));
  }
}

/** Reads the fields that extend another message. JSON cannot name them, but a group among them is a type. */
function* readExtension(reading: Reading, scope: Scope): Steps<void> {
  const { tokens } = reading;
  tokens.path();
  tokens.expect('{');
  while (!tokens.take('}')) {
    yield;
    if (!tokens.take(';')) yield* readField(reading, scope, null);
  }
}

function* readField(reading: Reading, scope: Scope, oneof: string | null): Steps<ProtoField> {
  const { tokens, isProto3 } = reading;
  if (--reading.fieldsLeft < 0) tokens.fail(`it has more than ${schemaBounds.fields} fields`);
  const label = readLabel(tokens);
  let typeName = tokens.path();
  if (typeName === 'group') return yield* readGroup(reading, scope, oneof, label);
  let keyType: string | null = null;
  if (typeName === 'map' && tokens.take('<')) {
    keyType = tokens.word();
    if (!keyTypes.has(keyType)) tokens.fail(`a map's key cannot be of type ${keyType}`);
    tokens.expect(',');
    typeName = tokens.path();
    tokens.expect('>');
  }
  const name = tokens.word();
  const number = readNumber(tokens);
  const { features, json_name: jsonName = null, packed = null } = readFieldOptions(tokens, scope.features);
  tokens.expect(';');
  const type = null;
  return { name, number, typeName, type, label, keyType, oneof, isGroup: false, isProto3, jsonName, packed, features };
}

function readLabel(tokens: ProtoTokens): ProtoField['label'] {
  if (tokens.take('optional')) return 'optional';
  if (tokens.take('repeated')) return 'repeated';
  return tokens.take('required') ? 'required' : null;
}

function* readGroup(
  reading: Reading,
  scope: Scope,
  oneof: string | null,
  label: ProtoField['label'],
): Steps<ProtoField> {
  const { tokens, isProto3 } = reading;
  const name = tokens.word();
  const number = readNumber(tokens);
  const { features, json_name: jsonName = null } = readFieldOptions(tokens, scope.features);
  yield* readMessage(reading, scope, name, true);
  const typeName = `.${scope.prefix}${name}`;
  const common = { name: name.toLowerCase(), number, typeName, type: null, label, keyType: null, oneof };
  return { ...common, isGroup: true, isProto3, jsonName, packed: null, features };
}

function readNumber(tokens: ProtoTokens): number {
  tokens.expect('=');
  const number = tokens.integer();
  if (number < 1 || number > fieldNumberMax) tokens.fail(`a field's number must be from 1 to ${fieldNumberMax}`);
  return number;
}

function* readEnum(reading: Reading, scope: Scope): Steps<void> {
  const { tokens } = reading;
  const name = tokens.word();
  const values = new Map<string, number>();
  const features: FeatureScope = { around: scope.features, own: {} };
  tokens.expect('{');
  while (!tokens.take('}')) {
    yield;
    if (tokens.take(';')) continue;
    if (tokens.take('option')) readOptionStatement(tokens, features);
    else if (tokens.take('reserved')) skipStatement(tokens);
    else readEnumValue(reading, features, values);
  }
  scope.enums.push({ kind: 'enum', name, fullName: scope.prefix + name, features, values });
}

function readEnumValue(reading: Reading, features: FeatureScope, values: Map<string, number>): void {
  const { tokens } = reading;
  if (--reading.fieldsLeft < 0) tokens.fail(`it has more than ${schemaBounds.fields} fields and values`);
  const symbol = tokens.word();
  tokens.expect('=');
  const number = tokens.integer();
  if (number !== (number | 0)) tokens.fail('the number of an enum value must have 32 bits');
  if (values.has(symbol)) tokens.fail(`the value ${symbol} is declared twice`);
  values.set(symbol, number);
  readFieldOptions(tokens, features);
  tokens.expect(';');
}

function* refuseDuplicates({ fullName, fields }: ProtoMessage): Steps<void> {
  const names = new Set<string>();
  const numbers = new Set<number>();
  for (const { name, number } of fields) {
    yield;
    if (names.has(name)) throw new SchemaUnusableError(`the message ${fullName} declares the field ${name} twice`);
    if (numbers.has(number)) throw new SchemaUnusableError(`the message ${fullName} has the number ${number} twice`);
    names.add(name);
    numbers.add(number);
  }
}
