import type { Faults } from '../format.ts';
import type { Steps } from '../steps.ts';
import { applicators, inPlace, type Application } from './applicators.ts';
import { unevaluatedApplicators } from './unevaluated.ts';
import { assertions, faulty } from './assertions.ts';
import { refStandsAlone, type Dialect, type JsonSchema, type JsonSchemaObject } from './dialect.ts';
import { Evaluation, Seen, type Check, type SchemaNode } from './evaluation.ts';
import { SchemaGraph, type SchemaShape } from './schema-graph.ts';
import { SchemaResources, type Resource, type SchemaDocument } from './schema-resources.ts';

/** A schema compiled for the judge that knows every keyword of every draft. */
export interface ConformingSchema {
  /** Returns the faults of a value; undefined when it fits. */
  faultsOf(value: unknown): Faults | undefined;
  readonly shape: SchemaShape;
}

/**
 * Compiles a schema, the first of the documents, by the published rules of its draft. The official test suite of all
 * drafts is what it is tested by.
 * @throws SchemaUnusableError
 */
export function* compileConforming(
  documents: readonly SchemaDocument[],
  dialect: Dialect,
  tracks: boolean,
): Steps<ConformingSchema> {
  const compiler = new Compiler(new SchemaResources(documents, dialect), tracks);
  const root = yield* compiler.compile();
  const shape = yield* compiler.graph.shape();
  const remembers = shape.isRecursive;
  return {
    shape,
    faultsOf(value) {
      const evaluation = new Evaluation({ remembers });
      return evaluation.judge(root, value, null, new Seen()) ? undefined : evaluation.faults();
    },
  };
}

class Compiler {
  readonly graph = new SchemaGraph();
  readonly #resources: SchemaResources;
  readonly #tracks: boolean;
  readonly #nodes = new Map<JsonSchemaObject, SchemaNode>();
  readonly #dynamic: (() => void)[] = [];
  readonly #pending: { readonly schema: JsonSchemaObject; readonly node: SchemaNode }[] = [];

  constructor(resources: SchemaResources, tracks: boolean) {
    this.#resources = resources;
    this.#tracks = tracks;
  }

  *compile(): Steps<SchemaNode> {
    const { schema, resource } = yield* this.#resources.index();
    const root = this.#nodeOf(schema, resource);
    yield* this.#fillPending();
    // Dynamic references come last: only now every resource is known that they may lead to.
    for (let next = this.#dynamic.pop(); next !== undefined; next = this.#dynamic.pop()) {
      next();
      yield* this.#fillPending();
    }
    return root;
  }

  *#fillPending(): Steps<void> {
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      yield;
      yield* this.#fill(next.schema, next.node);
    }
  }

  /** Returns the node of a schema, which is filled later. */
  #nodeOf(schema: JsonSchema, outer: Resource): SchemaNode {
    if (typeof schema === 'boolean') {
      return { resource: outer, checks: schema ? [] : [refuseAll], hasUnevaluated: false };
    }
    const known = this.#nodes.get(schema);
    if (known !== undefined) return known;
    const node = { resource: this.#resources.resourceOf(schema) ?? outer, checks: [], hasUnevaluated: false };
    this.#nodes.set(schema, node);
    this.#pending.push({ schema, node });
    return node;
  }

  *#fill(schema: JsonSchemaObject, node: SchemaNode): Steps<void> {
    const { dialect } = node.resource;
    const { keywords, draft } = dialect;
    if (refStandsAlone(draft) && Object.hasOwn(schema, '$ref')) {
      node.checks.push(yield* this.#reference(schema['$ref'], node));
      return;
    }
    const has = (keyword: string): boolean => keywords.has(keyword) && Object.hasOwn(schema, keyword);
    for (const [keyword, assertion] of Object.entries(assertions)) {
      const check = has(keyword) ? assertion(schema[keyword], schema, dialect) : undefined;
      if (check !== undefined) node.checks.push(check);
    }
    this.#apply(applicators, { schema, node, has });
    if (has('$ref')) node.checks.push(yield* this.#reference(schema['$ref'], node));
    if (has('$recursiveRef')) node.checks.push(yield* this.#recursiveReference(schema['$recursiveRef'], node));
    if (has('$dynamicRef')) node.checks.push(yield* this.#dynamicReference(schema['$dynamicRef'], node));
    const before = node.checks.length;
    this.#apply(unevaluatedApplicators, { schema, node, has });
    node.hasUnevaluated = node.checks.length > before;
  }

  #apply(
    table: typeof applicators,
    {
      schema,
      node,
      has,
    }: {
      readonly schema: JsonSchemaObject;
      readonly node: SchemaNode;
      readonly has: (keyword: string) => boolean;
    },
  ): void {
    for (const [keyword, applicator] of table) {
      if (!has(keyword)) continue;
      const nodeWithin = (inner: JsonSchema, application: Application): SchemaNode => {
        const made = this.#nodeOf(inner, node.resource);
        this.graph.add(node, made, application, keyword);
        return made;
      };
      const context = { dialect: node.resource.dialect, tracks: this.#tracks, node: nodeWithin };
      const check = applicator(schema[keyword], schema, context);
      if (check !== undefined) node.checks.push(check);
    }
  }

  *#reference(reference: unknown, node: SchemaNode): Steps<Check> {
    if (typeof reference !== 'string') throw faulty('$ref');
    const { schema, resource } = yield* this.#resources.find(reference, node.resource);
    const target = this.#nodeOf(schema, resource);
    this.graph.add(node, target, 'same', '$ref');
    return inPlace(target);
  }

  /** Draft 2019-09: the outermost root that says that it may be extended takes the place of the one that is meant. */
  *#recursiveReference(reference: unknown, node: SchemaNode): Steps<Check> {
    const plain = yield* this.#reference(reference, node);
    if (!node.resource.isRecursive) return plain;
    return this.#outermost(({ isRecursive, root }) => (isRecursive ? root : undefined), node, plain);
  }

  /** Draft 2020-12: the outermost schema with the same dynamic anchor takes the place of the one that is meant. */
  *#dynamicReference(reference: unknown, node: SchemaNode): Steps<Check> {
    if (typeof reference !== 'string') throw faulty('$dynamicRef');
    const plain = yield* this.#reference(reference, node);
    const { schema, resource: meant } = yield* this.#resources.find(reference, node.resource);
    const anchor = reference.slice(reference.indexOf('#') + 1);
    if (meant.dynamicAnchors.get(anchor) !== schema) return plain;
    return this.#outermost(({ dynamicAnchors }) => dynamicAnchors.get(anchor), node, plain);
  }

  #outermost(targetIn: (resource: Resource) => JsonSchema | undefined, node: SchemaNode, plain: Check): Check {
    const nodes = new Map<Resource, SchemaNode>();
    this.#dynamic.push(() => {
      for (const resource of this.#resources.all) {
        const schema = targetIn(resource);
        if (schema === undefined) continue;
        const target = this.#nodeOf(schema, resource);
        nodes.set(resource, target);
        this.graph.add(node, target, 'perhaps', '$dynamicRef');
      }
    });
    return (value, place, evaluation, seen) => {
      const target = evaluation.outermost((resource) => nodes.get(resource));
      return target === undefined
        ? plain(value, place, evaluation, seen)
        : evaluation.judge(target, value, place, seen);
    };
  }
}

const refuseAll: Check = (_value, place, evaluation) =>
  evaluation.fault(place, { rule: 'false schema', expected: 'false schema', message: 'must not be there' });
