import protobuf from 'protobufjs';
import { SchemaUnusableError, type SchemaSource } from './format.ts';

/** A .proto file with what it imports. */
export interface ProtobufSchema {
  /** The message that a record is. */
  readonly message: protobuf.Type;
  /** Where it stands in its file: the index of the outermost message, then of each nested one. */
  readonly indexes: readonly number[];
  /** A message by its full name, also one of an imported file or a well-known one. */
  find(fullName: string): protobuf.Type | undefined;
}

/**
 * Reads the file, resolves its imports by the references' names, and takes its first message, or the one of that name
 * (full, or within the file's package). The well-known types of google/protobuf need no reference; imports that only
 * bring options may be missing.
 * @throws SchemaUnusableError
 */
export function readProtobufSchema(source: SchemaSource, messageName: string | null): ProtobufSchema {
  const root = new protobuf.Root();
  for (const file of wellKnownFiles) root.addJSON(protobuf.common.get(file)?.nested ?? {});
  const main = parseFile(source.text, root, 'the Protobuf schema');
  // Before the imports add theirs to the same package.
  const fileTypes = typesOf(main.package === undefined ? root : root.lookup(main.package));
  for (const { name, text } of source.references) {
    if (!wellKnownFiles.includes(name)) parseFile(text, root, `the reference '${name}'`);
  }
  try {
    root.resolveAll();
  } catch (error) {
    const given = new Set([...wellKnownFiles, ...source.references.map(({ name }) => name)]);
    const missing = (main.imports ?? []).filter((name) => !given.has(name));
    const hint = missing.length === 0 ? '' : ` (the registry has no reference for ${missing.join(', ')})`;
    throw new SchemaUnusableError(`the Protobuf schema is faulty: ${messageOf(error)}${hint}`, error);
  }
  const { message, indexes } = chooseMessage(fileTypes, messageName, main.package);
  return { message, indexes, find: (fullName) => findType(root, fullName) };
}

const wellKnownFiles = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers'].map(
  (name) => `google/protobuf/${name}.proto`,
);

function parseFile(text: string, root: protobuf.Root, what: string): protobuf.IParserResult {
  try {
    return protobuf.parse(text, root, { keepCase: true });
  } catch (error) {
    throw new SchemaUnusableError(`${what} is not a .proto file: ${messageOf(error)}`, error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The messages declared in a namespace or message; maps and groups make none. */
function typesOf(parent: protobuf.ReflectionObject | null): protobuf.Type[] {
  if (!(parent instanceof protobuf.Namespace)) return [];
  const types = parent.nestedArray.filter((nested) => nested instanceof protobuf.Type);
  // Set by the parser, but not among the published types.
  return types.filter((type) => Reflect.get(type, 'group') !== true);
}

function chooseMessage(
  fileTypes: readonly protobuf.Type[],
  name: string | null,
  packageName: string | undefined,
): { message: protobuf.Type; indexes: number[] } {
  if (name === null) {
    const [first] = fileTypes;
    if (first === undefined) throw new SchemaUnusableError('the Protobuf schema declares no message');
    return { message: first, indexes: [0] };
  }
  const prefix = packageName === undefined ? '' : `${packageName}.`;
  const path = (name.startsWith(prefix) ? name.slice(prefix.length) : name).split('.');
  const indexes: number[] = [];
  let message: protobuf.Type | undefined;
  let types = fileTypes;
  for (const part of path) {
    const index = types.findIndex((type) => type.name === part);
    message = types[index];
    if (message === undefined) throw new SchemaUnusableError(`the Protobuf schema declares no message '${name}'`);
    indexes.push(index);
    types = typesOf(message);
  }
  if (message === undefined) throw new SchemaUnusableError(`the Protobuf schema declares no message '${name}'`);
  return { message, indexes };
}

function findType(root: protobuf.Root, fullName: string): protobuf.Type | undefined {
  const found = root.lookup(`.${fullName}`);
  return found instanceof protobuf.Type ? found : undefined;
}
