import { SchemaUnusableError } from './format.ts';
import {
  scalarNames,
  type ProtoEnum,
  type ProtoField,
  type ProtoFile,
  type ProtoMessage,
  type ProtoType,
} from './proto-file.ts';
import type { Steps } from './steps.ts';

/** The thing that a full name stands for; a field can mean a type only. */
type Meaning = ProtoType | { readonly kind: 'package' | 'service' };

/** The names that one file sees: its own, those of its imports, and of what these import publicly. */
interface Sight {
  readonly files: ReadonlySet<ProtoFile>;
  readonly packages: ReadonlySet<string>;
}

interface Declared {
  readonly file: ProtoFile;
  readonly symbol: Meaning;
}

/** Types by full name, as all files of a schema declare them. */
export class ProtoNames {
  readonly #files: ReadonlyMap<string, ProtoFile>;
  readonly #all: Sight;
  readonly #declared = new Map<string, Declared[]>();

  constructor(files: readonly ProtoFile[]) {
    this.#files = new Map(files.map((file) => [file.name, file]));
    this.#all = sightOf(new Set(files));
  }

  /** Declares all names and sets the type of each field. @throws SchemaUnusableError for a name that means nothing. */
  *resolve(): Steps<void> {
    for (const file of this.#files.values()) yield* this.#declareAll(file);
    for (const file of this.#files.values()) {
      const sight = this.#sightOf(file);
      for (const message of file.messages) yield* this.#resolveMessage(message, file, sight);
    }
  }

  /** Finds a message by its full name, in any file. */
  message(fullName: string): ProtoMessage | undefined {
    for (const { symbol } of this.#declared.get(fullName) ?? []) if (symbol.kind === 'message') return symbol;
    return undefined;
  }

  *#declareAll(file: ProtoFile): Steps<void> {
    for (const service of file.services) this.#declare(service, file, { kind: 'service' });
    yield* this.#declareTypes(file, file);
  }

  *#declareTypes(
    scope: { readonly messages: readonly ProtoMessage[]; readonly enums: readonly ProtoEnum[] },
    file: ProtoFile,
  ): Steps<void> {
    for (const each of scope.enums) this.#declare(each.fullName, file, each);
    for (const message of scope.messages) {
      yield;
      this.#declare(message.fullName, file, message);
      yield* this.#declareTypes(message, file);
    }
  }

  #declare(fullName: string, file: ProtoFile, symbol: Meaning): void {
    const known = this.#declared.get(fullName);
    if (known === undefined) this.#declared.set(fullName, [{ file, symbol }]);
    else if (known.some((other) => other.file === file)) {
      throw new SchemaUnusableError(`the name ${fullName} is declared twice`);
    } else known.push({ file, symbol });
  }

  #sightOf(file: ProtoFile): Sight {
    const files = new Set([file]);
    const add = (name: string): void => {
      const imported = this.#files.get(name);
      if (imported === undefined || files.has(imported)) return;
      files.add(imported);
      for (const each of imported.imports) if (each.isPublic) add(each.name);
    };
    for (const { name } of file.imports) add(name);
    return sightOf(files);
  }

  *#resolveMessage(message: ProtoMessage, file: ProtoFile, sight: Sight): Steps<void> {
    for (const field of message.fields) {
      yield;
      if (!scalarNames.has(field.typeName)) field.type = this.#typeOf(field, message, file, sight);
    }
    for (const nested of message.messages) yield* this.#resolveMessage(nested, file, sight);
  }

  #typeOf({ name, typeName }: ProtoField, message: ProtoMessage, file: ProtoFile, sight: Sight): ProtoType {
    // A registry may take a file that lacks the import of a type that it has.
    const found =
      this.#search(typeName, message.fullName, sight) ?? this.#search(typeName, message.fullName, this.#all);
    if (found !== undefined) return found;
    const missing = file.imports.filter((each) => !this.#files.has(each.name)).map((each) => each.name);
    const hint = missing.length === 0 ? '' : ` (the registry has no reference for ${missing.join(', ')})`;
    throw new SchemaUnusableError(`the type ${typeName} of ${message.fullName}.${name} is not declared${hint}`);
  }

  /**
   * Finds the type that a name means as protoc does: the innermost scope that declares its first part decides, whether or not it
   * declares the rest. What is no type, and for a first part what can hold no names, is passed over.
   */
  #search(name: string, scope: string, sight: Sight): ProtoType | undefined {
    if (name.startsWith('.')) return asType(this.#visible(name.slice(1), sight));
    const dot = name.indexOf('.');
    const first = dot < 0 ? name : name.slice(0, dot);
    for (let around = scope; ; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
      const prefix = around === '' ? '' : `${around}.`;
      const found = this.#visible(prefix + first, sight);
      if (dot >= 0 && found !== undefined) return asType(this.#visible(prefix + name, sight));
      const type = asType(found);
      if (type !== undefined) return type;
      if (around === '') return undefined;
    }
  }

  #visible(fullName: string, sight: Sight): Meaning | undefined {
    for (const { file, symbol } of this.#declared.get(fullName) ?? []) if (sight.files.has(file)) return symbol;
    return sight.packages.has(fullName) ? { kind: 'package' } : undefined;
  }
}

function sightOf(files: ReadonlySet<ProtoFile>): Sight {
  const packages = new Set<string>();
  for (const { packageName } of files) {
    for (let name = packageName; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      packages.add(name);
    }
  }
  return { files, packages };
}

function asType(symbol: Meaning | undefined): ProtoType | undefined {
  return symbol?.kind === 'message' || symbol?.kind === 'enum' ? symbol : undefined;
}
