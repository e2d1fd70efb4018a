import { isRecord } from '../../../../shared/schema/is-record.ts';
import { SchemaUnusableError } from '../format.ts';
import type { Steps } from '../steps.ts';
import {
  dialectOf,
  dialectOfMetaSchema,
  draftNamed,
  idKeyword,
  isSchema,
  refStandsAlone,
  type Dialect,
  type JsonSchema,
  type JsonSchemaObject,
} from './dialect.ts';
import { metaSchemas } from './meta-schemas.ts';
import { subschemasOf } from './subschemas.ts';

/** The base of relative names where the schema itself has no id (RFC 2606 keeps the domain free). */
const unnamedBase = 'https://schema.invalid/';

/** A schema with an id of its own, and the schemas within it up to the next one with an id. */
export interface Resource {
  readonly base: string;
  readonly root: JsonSchema;
  readonly dialect: Dialect;
  readonly anchors: Map<string, JsonSchema>;
  /** The anchors that `$dynamicRef` may find in an outer resource. */
  readonly dynamicAnchors: Map<string, JsonSchema>;
  /** Draft 2019-09's `$recursiveAnchor`. */
  readonly isRecursive: boolean;
}

/** A schema where a reference found it. */
export interface Located {
  readonly schema: JsonSchema;
  readonly resource: Resource;
}

/** A schema text as it was parsed, with the name by which others refer to it. */
export interface SchemaDocument {
  readonly name: string | undefined;
  readonly schema: JsonSchema;
}

/** Every resource of a schema and of the schemas that it refers to, by URI. */
export class SchemaResources {
  readonly #byUri = new Map<string, Resource>();
  /** The resource of each schema object that stands where schemas do. */
  readonly #resourceOf = new Map<JsonSchemaObject, Resource>();
  readonly #documents: readonly SchemaDocument[];
  readonly #defaultDialect: Dialect;

  constructor(documents: readonly SchemaDocument[], defaultDialect: Dialect) {
    this.#documents = documents;
    this.#defaultDialect = defaultDialect;
  }

  get all(): Iterable<Resource> {
    return new Set(this.#byUri.values());
  }

  /** Returns the resource of a schema that stands where schemas do; undefined elsewhere. */
  resourceOf(schema: JsonSchemaObject): Resource | undefined {
    return this.#resourceOf.get(schema);
  }

  /** Indexes the documents, and returns the first one's root. @throws SchemaUnusableError */
  *index(): Steps<Located> {
    const roots: Resource[] = [];
    for (const { name, schema } of this.#documents) {
      const uri = name === undefined ? unnamedBase : absolute(name, unnamedBase);
      const root = yield* this.#add(schema, uri);
      if (!this.#byUri.has(uri)) this.#byUri.set(uri, root);
      roots.push(root);
    }
    const [root] = roots;
    if (root === undefined) throw new Error('there is no schema');
    // A name is also meant relative to the id of whichever schema uses it.
    const bases = [unnamedBase, ...roots.map(({ base }) => base)];
    for (const [at, { name }] of this.#documents.entries()) {
      const resource = roots[at];
      if (name === undefined || resource === undefined) continue;
      for (const base of bases) {
        const uri = absolute(name, base);
        if (!this.#byUri.has(uri)) this.#byUri.set(uri, resource);
      }
      yield;
    }
    return { schema: root.root, resource: root };
  }

  /** Finds the schema that a reference names. @throws SchemaUnusableError when there is none */
  *find(reference: string, from: Resource): Steps<Located> {
    const [uri = '', fragment = ''] = splitFragment(absolute(reference, from.base));
    // Fragments alone stay within the resource, also where its base cannot be resolved against.
    const resource = reference.startsWith('#') ? from : yield* this.#resource(uri);
    const located = resource === undefined ? undefined : this.#within(resource, fragment);
    if (located === undefined) throw new SchemaUnusableError(`the JSON Schema has no schema for '${reference}'`);
    return located;
  }

  *#resource(uri: string): Steps<Resource | undefined> {
    const known = this.#byUri.get(uri);
    if (known !== undefined) return known;
    const metaSchema = metaSchemas().get(uri);
    return metaSchema === undefined ? undefined : yield* this.#add(metaSchema, uri);
  }

  #within(resource: Resource, fragment: string): Located | undefined {
    const name = decoded(fragment);
    if (name === '') return { schema: resource.root, resource };
    if (name.startsWith('/')) return this.#atPointer(resource, name);
    const schema = resource.anchors.get(name);
    return schema === undefined ? undefined : { schema, resource };
  }

  #atPointer(start: Resource, pointer: string): Located | undefined {
    let value: unknown = start.root;
    let resource = start;
    for (const segment of pointer.slice(1).split('/')) {
      const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
      if (Array.isArray(value)) value = /^(?:0|[1-9][0-9]*)$/.test(key) ? value[Number(key)] : undefined;
      else if (isRecord(value)) value = Object.hasOwn(value, key) ? value[key] : undefined;
      else return undefined;
      if (isRecord(value)) resource = this.#resourceOf.get(value) ?? resource;
    }
    return isSchema(value) ? { schema: value, resource } : undefined;
  }

  /** Indexes one document whose own URI is `uri`. */
  *#add(schema: JsonSchema, uri: string): Steps<Resource> {
    const root = this.#open(schema, uri, this.#defaultDialect);
    const pending: { readonly schema: JsonSchemaObject; readonly resource: Resource }[] = [];
    if (typeof schema === 'object') pending.push({ schema, resource: root });
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      yield;
      const { resource } = next;
      this.#resourceOf.set(next.schema, resource);
      this.#noteAnchors(next.schema, resource);
      for (const { schema: inner } of subschemasOf(next.schema, resource.dialect)) {
        if (typeof inner === 'boolean') continue;
        const opensResource = ownId(inner, resource.dialect) !== undefined;
        pending.push({
          schema: inner,
          resource: opensResource ? this.#open(inner, resource.base, resource.dialect) : resource,
        });
      }
    }
    return root;
  }

  /** Begins a resource: a document's root, or a schema with an id. */
  #open(schema: JsonSchema, outerBase: string, outerDialect: Dialect): Resource {
    const dialect = this.#dialectOf(schema, outerDialect);
    const id = ownId(schema, dialect);
    const base = id === undefined ? outerBase : (splitFragment(absolute(id, outerBase))[0] ?? outerBase);
    const isRecursive = typeof schema === 'object' && schema['$recursiveAnchor'] === true;
    const resource = { base, root: schema, dialect, anchors: new Map(), dynamicAnchors: new Map(), isRecursive };
    // The first schema of a URI stays: a later text must not change the meaning of an earlier one.
    if (!this.#byUri.has(base)) this.#byUri.set(base, resource);
    return resource;
  }

  #dialectOf(schema: JsonSchema, outer: Dialect): Dialect {
    const uri: unknown = typeof schema === 'object' ? schema['$schema'] : undefined;
    if (typeof uri !== 'string') return outer;
    const draft = draftNamed(uri);
    if (draft !== undefined) return dialectOf(draft);
    const metaSchema = this.#documents.find(
      ({ name, schema: document }) => name === uri || ownId(document, outer) === uri,
    );
    return (metaSchema && dialectOfMetaSchema(metaSchema.schema)) ?? outer;
  }

  #noteAnchors(schema: JsonSchemaObject, { dialect, anchors, dynamicAnchors }: Resource): void {
    const { draft, keywords } = dialect;
    if (refStandsAlone(draft)) {
      const id = typeof schema['$ref'] === 'string' ? undefined : schema[idKeyword(draft)];
      const anchor = typeof id === 'string' ? splitFragment(id)[1] : undefined;
      if (anchor !== undefined && anchor !== '' && !anchor.startsWith('/')) anchors.set(decoded(anchor), schema);
      return;
    }
    const anchor = schema['$anchor'];
    if (typeof anchor === 'string') anchors.set(anchor, schema);
    const dynamicAnchor = keywords.has('$dynamicAnchor') ? schema['$dynamicAnchor'] : undefined;
    if (typeof dynamicAnchor !== 'string') return;
    anchors.set(dynamicAnchor, schema);
    dynamicAnchors.set(dynamicAnchor, schema);
  }
}

/** Returns the id by which a schema begins a resource; undefined when it has none, or only names a place. */
function ownId(schema: JsonSchema, { draft }: Dialect): string | undefined {
  if (typeof schema !== 'object') return undefined;
  const isReference = refStandsAlone(draft) && typeof schema['$ref'] === 'string';
  const id: unknown = isReference ? undefined : schema[idKeyword(draft)];
  return typeof id === 'string' && !id.startsWith('#') ? id : undefined;
}

function absolute(uri: string, base: string): string {
  return URL.canParse(uri, base) ? new URL(uri, base).href : uri;
}

function splitFragment(uri: string): readonly string[] {
  const at = uri.indexOf('#');
  return at === -1 ? [uri] : [uri.slice(0, at), uri.slice(at + 1)];
}

function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
