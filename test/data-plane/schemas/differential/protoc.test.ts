import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { expect } from 'chai';
import * as fc from 'fast-check';
import {
  hasPresence,
  isDelimited,
  isOpenEnum,
  isPacked,
  isRequired,
  type ProtoField,
  type ProtoFile,
  type ProtoMessage,
} from '../../../../data-plane/schemas/formats/proto-file.ts';
import { ProtoNames } from '../../../../data-plane/schemas/formats/proto-names.ts';
import { jsonNameOf } from '../../../../data-plane/schemas/formats/protobuf.ts';
import { readProtoFile } from '../../../../data-plane/schemas/formats/read-proto-file.ts';
import { runAtOnce } from '../../../../data-plane/schemas/formats/steps.ts';
import { pythonPackages } from '../../../helpers/python-packages.ts';
import { protoFiles } from './proto-files.ts';

const isLong = process.env['SLUICE_TEST_FAULTS'] === 'long';
const setsMax = isLong ? 2_000 : 60;
const seed = Number(process.env['SLUICE_TEST_SEED'] ?? (isLong ? Date.now() % 2 ** 31 : 1));

interface Answer {
  /** The files without what protoc does not find. */
  readonly texts: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, Fields>>;
}

/** What each field is, by message and name. */
type Fields = Record<string, Record<string, object>>;

/** What a name means, and with it what is written, is what protoc says. */
describe(`random .proto files (seed ${seed})`, function () {
  this.timeout(300_000 + setsMax * 1_000);

  it('are read as protoc reads them', async function () {
    const packages = await pythonPackages('grpcio-tools-1.76.0', ['grpcio-tools==1.76.0']);
    if (packages === undefined) {
      console.log('      not compared with protoc: there is no python3 with pip');
      this.skip();
    }
    const sets = fc.sample(fc.gen(), { seed, numRuns: setsMax }).map(protoFiles);
    const answers = await askProtoc(packages, sets);
    let count = 0;
    for (const { texts, fields } of answers) {
      const found = fieldsByOurs(texts);
      for (const [name, expected] of Object.entries(fields)) {
        expect(found[name], `${name} of\n${Object.values(texts).join('\n---\n')}`).to.deep.equal(expected);
        count += Object.values(expected).reduce((sum, message) => sum + Object.keys(message).length, 0);
      }
    }
    expect(answers).to.have.length(setsMax);
    const refused = answers.filter(({ texts }) => Object.keys(texts).length === 0).length;
    expect(refused, 'sets that protoc takes none of').to.be.at.most(setsMax / 20);
    console.log(`      ${count} fields in ${setsMax} sets of files`);
  });
});

async function askProtoc(packages: string, sets: readonly Readonly<Record<string, string>>[]): Promise<Answer[]> {
  const script = resolve('test/data-plane/schemas/differential/protoc_types.py');
  const env = { ...process.env, PYTHONPATH: packages };
  const child = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'], env });
  const output = readText(child.stdout);
  const exited = once(child, 'exit');
  child.stdin.on('error', () => {}); // A reader that ended early says why by itself.
  child.stdin.end(sets.map((files) => `${JSON.stringify({ files })}\n`).join(''));
  const lines = (await output).split('\n').filter((line) => line !== '');
  await exited;
  return lines.map((line) => JSON.parse(line) as Answer);
}

function fieldsByOurs(texts: Readonly<Record<string, string>>): Record<string, Fields> {
  const files = Object.entries(texts).map(([name, text]) => runAtOnce(readProtoFile(name, text, name)));
  runAtOnce(new ProtoNames(files).resolve());
  return Object.fromEntries(files.map((file) => [file.name, describeMessages(file)]));
}

function describeMessages(scope: ProtoFile | ProtoMessage, found: Fields = {}): Fields {
  for (const message of scope.messages) {
    found[message.fullName] = Object.fromEntries(message.fields.map((field) => [field.name, describeField(field)]));
    describeMessages(message, found);
  }
  return found;
}

function describeField(field: ProtoField): object {
  const { name, number, type, typeName, keyType, label, jsonName } = field;
  const isRepeated = label === 'repeated';
  return {
    number,
    type: type?.fullName ?? typeName,
    keyType,
    isRepeated,
    isRequired: isRequired(field),
    jsonName: jsonName ?? jsonNameOf(name),
    hasPresence: !isRepeated && keyType === null && hasPresence(field),
    isPacked: isRepeated && isPacked(field),
    isDelimited: type?.kind === 'message' && isDelimited(field),
    isClosed: type?.kind === 'enum' ? !isOpenEnum(type) : null,
  };
}
