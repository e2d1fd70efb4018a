import { schemaBounds, SchemaUnusableError, type SchemaSource } from './format.ts';
import type { ProtoFile, ProtoMessage } from './proto-file.ts';
import { ProtoNames } from './proto-names.ts';
import { readProtoFile } from './read-proto-file.ts';
import type { Steps } from './steps.ts';
import { wellKnownProtos } from './well-known-protos.ts';

/** A .proto file with what it imports. */
export interface ProtobufSchema {
  /** The message that a record is. */
  readonly message: ProtoMessage;
  /** Its place in its file: the index of the outermost message, then of each nested one. */
  readonly indexes: readonly number[];
  /** Finds a message by its full name, also one of an imported file or a well-known one. */
  find(fullName: string): ProtoMessage | undefined;
}

/**
 * Reads the file, resolves its imports by the references' names, and takes its first message, or the one of that name
 * (full, or within the file's package). Well-known types need no reference; imports that only bring options may be
 * missing.
 * @throws SchemaUnusableError
 */
export function* readProtobufSchema(source: SchemaSource, messageName: string | null): Steps<ProtobufSchema> {
  refuseLongText(source);
  const main = yield* readProtoFile('', source.text, 'the Protobuf schema');
  const files = [main];
  for (const { name, text } of source.references) {
    if (!wellKnownProtos.has(name)) files.push(yield* readProtoFile(name, text, `the reference '${name}'`));
  }
  // All of them: the type that an Any names need not be imported.
  for (const [name, text] of wellKnownProtos) files.push(yield* readProtoFile(name, text, name));
  const names = new ProtoNames(files);
  yield* names.resolve();
  return { ...chooseMessage(main, messageName), find: (fullName) => names.message(fullName) };
}

function refuseLongText({ text, references }: SchemaSource): void {
  const length = references.reduce((sum, reference) => sum + reference.text.length, text.length);
  if (length <= schemaBounds.text) return;
  throw new SchemaUnusableError(`it has ${length} characters, more than ${schemaBounds.text}`);
}

/** Leaves out the messages of groups, which serializers give no index. */
function withIndex(messages: readonly ProtoMessage[]): ProtoMessage[] {
  return messages.filter(({ isGroup }) => !isGroup);
}

function chooseMessage(
  file: ProtoFile,
  name: string | null,
): { readonly message: ProtoMessage; readonly indexes: readonly number[] } {
  let messages = withIndex(file.messages);
  const [first] = messages;
  if (name === null) {
    if (first === undefined) throw new SchemaUnusableError('the Protobuf schema declares no message');
    return { message: first, indexes: [0] };
  }
  const prefix = file.packageName === '' ? '' : `${file.packageName}.`;
  const indexes: number[] = [];
  let message: ProtoMessage | undefined;
  for (const part of (name.startsWith(prefix) ? name.slice(prefix.length) : name).split('.')) {
    const index = messages.findIndex((each) => each.name === part);
    message = messages[index];
    if (message === undefined) break;
    indexes.push(index);
    messages = withIndex(message.messages);
  }
  if (message === undefined) throw new SchemaUnusableError(`the Protobuf schema declares no message '${name}'`);
  return { message, indexes };
}
