import * as fc from 'fast-check';
import { pick, several, type Gen } from './cases.ts';

/** A few names for everything, so that the same name stands for several things in several scopes. */
const names = ['A', 'B', 'C', 'D', 'a', 'b'];
const packages = ['', 'A', 'A.B', 'B', 'C.A', 'a.b', 'a.b.A'];
const scalars = ['int32', 'string', 'bool', 'sint64', 'bytes', 'double', 'fixed32'];
const keys = ['string', 'int32', 'bool', 'uint64'];
const fieldsMax = 6;

interface Node {
  readonly kind: 'message' | 'enum';
  readonly name: string;
  readonly fullName: string;
  readonly children: Node[];
  /** Names that a field may not have: protoc keeps one list of names a scope. */
  readonly taken: Set<string>;
}

interface FileTree {
  readonly name: string;
  readonly syntax: 'proto2' | 'proto3' | '2023';
  readonly packageName: string;
  readonly imports: readonly string[];
  readonly nodes: Node[];
  readonly services: readonly string[];
}

/** Draws up to three files that import each other and refer to each other's types by names of any length. */
export function protoFiles(gen: Gen): Readonly<Record<string, string>> {
  const taken = new Set(
    packages.flatMap((name) => name.split('.').map((_, at, parts) => parts.slice(0, at + 1).join('.'))),
  );
  const files: FileTree[] = [];
  for (let index = 0; index <= gen(fc.nat, 2); index++) files.push(fileTree(gen, index, files, taken));
  const types = files.flatMap(({ nodes }) => nodes.flatMap(allNodes));
  return Object.fromEntries(files.map((file) => [file.name, fileText(gen, file, types)]));
}

function allNodes(node: Node): Node[] {
  return [node, ...node.children.flatMap(allNodes)];
}

function fileTree(gen: Gen, index: number, before: readonly FileTree[], taken: Set<string>): FileTree {
  const packageName = pick(gen, packages);
  const prefix = packageName === '' ? '' : `${packageName}.`;
  const imports = before
    .filter(() => gen(fc.boolean))
    .map(({ name }) => `import ${gen(fc.boolean) ? 'public ' : ''}"${name}";`);
  const syntax = pick(gen, ['proto2', 'proto3', '2023'] as const);
  const nodes = someNodes(gen, prefix, taken, 3);
  const services = several(gen, 1, () => pick(gen, names)).filter((name) => !taken.has(prefix + name));
  for (const name of services) taken.add(prefix + name);
  return { name: `f${index}.proto`, syntax, packageName, imports, nodes, services };
}

function someNodes(gen: Gen, prefix: string, taken: Set<string>, depth: number): Node[] {
  const nodes: Node[] = [];
  for (const name of several(gen, 3, () => pick(gen, names))) {
    const fullName = prefix + name;
    if (taken.has(fullName)) continue;
    taken.add(fullName);
    const kind = depth > 0 && gen(fc.nat, 3) > 0 ? 'message' : 'enum';
    const children = kind === 'message' ? someNodes(gen, `${fullName}.`, taken, depth - 1) : [];
    nodes.push({ kind, name, fullName, children, taken: new Set(children.map((child) => child.name)) });
  }
  return nodes;
}

/** Writes a file with each field on a line of its own, so that protoc's errors name it. */
function fileText(gen: Gen, file: FileTree, types: readonly Node[]): string {
  const { syntax, packageName, imports, nodes, services } = file;
  const option = syntax === '2023' && gen(fc.boolean) ? `option features.${fileFeature(gen)};` : '';
  const isOptionLast = gen(fc.boolean);
  return [
    syntax === '2023' ? 'edition = "2023";' : `syntax = "${syntax}";`,
    ...(packageName === '' ? [] : [`package ${packageName};`]),
    ...imports,
    ...(isOptionLast ? [] : [option]),
    ...nodes.map((node) => nodeText(gen, node, file, types)),
    ...services.map((name) => `service ${name} {}`),
    ...(isOptionLast ? [option] : []),
    '',
  ].join('\n');
}

function fileFeature(gen: Gen): string {
  return pick(gen, [
    'field_presence = IMPLICIT',
    'repeated_field_encoding = EXPANDED',
    'message_encoding = DELIMITED',
    'field_presence = EXPLICIT',
  ]);
}

let valueCount = 0;

function nodeText(gen: Gen, node: Node, file: FileTree, types: readonly Node[]): string {
  if (node.kind === 'enum') {
    const closed = file.syntax === '2023' && gen(fc.nat, 3) === 0 ? 'option features.enum_type = CLOSED; ' : '';
    const values = [0, 1].map((number) => `V${valueCount++} = ${number};`).join(' ');
    return `enum ${node.name} { ${closed}${values} }`;
  }
  const children = node.children.map((child) => nodeText(gen, child, file, types));
  const fields = Array.from({ length: 1 + gen(fc.nat, fieldsMax - 1) }, (_, index) =>
    fieldText(gen, index + 1, node, file, types),
  );
  return [
    `message ${node.name} {`,
    ...(gen(fc.boolean) ? [...children, ...fields] : [...fields, ...children]),
    '}',
  ].join('\n');
}

function fieldText(gen: Gen, number: number, node: Node, { syntax }: FileTree, types: readonly Node[]): string {
  const wanted = gen(fc.nat, 2) === 0 ? pick(gen, names) : `some_field${number}`;
  const name = node.taken.has(wanted) ? `other_${number}` : wanted;
  node.taken.add(name);
  const type = gen(fc.nat, 3) === 0 ? pick(gen, scalars) : reference(gen, types);
  const end = `${name} = ${number};`;
  const single = syntax === 'proto2' ? 'optional ' : '';
  switch (gen(fc.nat, 6)) {
    case 0:
      return `repeated ${type} ${end}`;
    case 1:
      // Its name makes that of a message, which must not clash.
      return `map<${pick(gen, keys)}, ${type}> map_field${number} = ${number};`;
    case 2:
      return `oneof o${number} { ${type} ${end} }`;
    case 3:
      return syntax === '2023' ? `${type} ${end}` : `optional ${type} ${end}`;
    case 4:
      return syntax === 'proto2'
        ? `optional group G${number}${node.name} = ${number} { optional int32 x = 1; }`
        : `${type} ${end}`;
    default:
      return `${single}${type} ${end}`;
  }
}

/** Writes a type's name whole, or its last parts, or any parts at all. */
function reference(gen: Gen, types: readonly Node[]): string {
  if (types.length === 0 || gen(fc.nat, 5) === 0)
    return several(gen, 2, () => pick(gen, names))
      .concat('A')
      .join('.');
  const { fullName } = pick(gen, types);
  if (gen(fc.nat, 5) === 0) return `.${fullName}`;
  const parts = fullName.split('.');
  return parts.slice(gen(fc.nat, parts.length - 1)).join('.');
}
