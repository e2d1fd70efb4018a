import { SchemaUnusableError } from '../format.ts';
import type { Steps } from '../steps.ts';
import type { Application } from './applicators.ts';
import type { SchemaNode } from './evaluation.ts';

interface Edge {
  readonly to: SchemaNode;
  readonly application: Application;
  readonly keyword: string;
}

/** The shape of a schema, by which a judge is chosen for it. */
export interface SchemaShape {
  /** How many times a schema applies another. */
  readonly size: number;
  /** The most schemas that one schema applies to the same value. */
  readonly branchesMax: number;
  /** A schema leads back to itself. */
  readonly isRecursive: boolean;
  /**
   * A schema leads back to itself in more than one way that one value may take: without remembering results, a small
   * value could take time that doubles with each of its levels.
   */
  readonly branchesInCircle: boolean;
  /** A schema may lead back to itself with the same value. */
  readonly mayBeEndless: boolean;
}

/** The number of the circle that a node is in, for nodes that lead back to themselves. */
type Circles = ReadonlyMap<SchemaNode, number>;

/** Which schemas apply which others. */
export class SchemaGraph {
  readonly #edges = new Map<SchemaNode, Edge[]>();
  #size = 0;

  add(from: SchemaNode, to: SchemaNode, application: Application, keyword: string): void {
    const edge = { to, application, keyword };
    const edges = this.#edges.get(from);
    if (edges === undefined) this.#edges.set(from, [edge]);
    else edges.push(edge);
    this.#size++;
  }

  /** @throws SchemaUnusableError when a schema applies itself to the same value in any case */
  *shape(): Steps<SchemaShape> {
    const endless = yield* this.#circles((edge) => edge.application === 'same');
    if (endless.size > 0) throw new SchemaUnusableError('the JSON Schema refers to itself without end');
    const circles = yield* this.#circles(() => true);
    const inPlace = yield* this.#circles(({ application }) => application !== 'part');
    let branchesMax = 0;
    for (const edges of this.#edges.values()) {
      yield;
      branchesMax = Math.max(branchesMax, edges.filter(({ application }) => application !== 'part').length);
    }
    const branchesInCircle = yield* this.#branchesIn(circles);
    return {
      size: this.#size,
      branchesMax,
      isRecursive: circles.size > 0,
      branchesInCircle,
      mayBeEndless: inPlace.size > 0,
    };
  }

  *#branchesIn(circles: Circles): Steps<boolean> {
    for (const [from, circle] of circles) {
      yield;
      const within = (this.#edges.get(from) ?? []).filter(({ to }) => circles.get(to) === circle);
      const keywords = new Set(within.map(({ keyword }) => keyword));
      const staysInPlace = within.some(({ application }) => application !== 'part');
      if (keywords.size > 1 || (staysInPlace && within.length > 1)) return true;
    }
    return false;
  }

  /** Finds strongly connected components, by Tarjan's algorithm without recursion. */
  *#circles(counts: (edge: Edge) => boolean): Steps<Circles> {
    const search = new CircleSearch((node) => (this.#edges.get(node) ?? []).filter(counts).map(({ to }) => to));
    for (const start of this.#edges.keys()) {
      for (let goesOn = search.begin(start); goesOn; goesOn = search.step()) yield;
    }
    return search.circles;
  }
}

interface Visit {
  readonly node: SchemaNode;
  readonly targets: readonly SchemaNode[];
  at: number;
}

class CircleSearch {
  readonly circles = new Map<SchemaNode, number>();
  readonly #targetsOf: (node: SchemaNode) => readonly SchemaNode[];
  readonly #order = new Map<SchemaNode, number>();
  /** The first node in order that each node leads back to. */
  readonly #low = new Map<SchemaNode, number>();
  /** Nodes whose circle is not complete yet. */
  readonly #open: SchemaNode[] = [];
  readonly #isOpen = new Set<SchemaNode>();
  readonly #path: Visit[] = [];

  constructor(targetsOf: (node: SchemaNode) => readonly SchemaNode[]) {
    this.#targetsOf = targetsOf;
  }

  /** @returns false when the node was visited before */
  begin(node: SchemaNode): boolean {
    if (this.#order.has(node)) return false;
    this.#enter(node);
    return true;
  }

  /** Goes one edge on. @returns false at the end */
  step(): boolean {
    const visit = this.#path.at(-1);
    if (visit === undefined) return false;
    const to = visit.targets[visit.at++];
    if (to === undefined) this.#leave(visit);
    else if (!this.#order.has(to)) this.#enter(to);
    else if (this.#isOpen.has(to)) this.#lower(visit.node, this.#order.get(to) ?? 0);
    return true;
  }

  #enter(node: SchemaNode): void {
    const order = this.#order.size;
    this.#order.set(node, order);
    this.#lower(node, order);
    this.#open.push(node);
    this.#isOpen.add(node);
    this.#path.push({ node, targets: this.#targetsOf(node), at: 0 });
  }

  #leave({ node, targets }: Visit): void {
    this.#path.pop();
    const low = this.#low.get(node) ?? 0;
    const outer = this.#path.at(-1);
    if (outer !== undefined) this.#lower(outer.node, low);
    if (low !== this.#order.get(node)) return;
    const members = this.#open.splice(this.#open.lastIndexOf(node));
    for (const member of members) this.#isOpen.delete(member);
    if (members.length === 1 && !targets.includes(node)) return;
    for (const member of members) this.circles.set(member, low);
  }

  #lower(node: SchemaNode, to: number): void {
    this.#low.set(node, Math.min(this.#low.get(node) ?? to, to));
  }
}
