import { SchemaUnusableError } from '../format.ts';
import type { Application } from './applicators.ts';
import type { SchemaNode } from './evaluation.ts';

interface Edge {
  readonly to: SchemaNode;
  readonly application: Application;
  readonly keyword: string;
}

/** Which schemas apply which others, and so where a schema leads back to itself. */
export class SchemaGraph {
  readonly #edges = new Map<SchemaNode, Edge[]>();
  #circles: ReadonlyMap<SchemaNode, number> | undefined;
  #edgeCount = 0;

  /** How many schemas stand within others. */
  get size(): number {
    return this.#edgeCount;
  }

  add(from: SchemaNode, to: SchemaNode, application: Application, keyword: string): void {
    const edge = { to, application, keyword };
    const edges = this.#edges.get(from);
    if (edges === undefined) this.#edges.set(from, [edge]);
    else edges.push(edge);
    this.#edgeCount++;
  }

  /** @throws SchemaUnusableError when a schema applies itself to the same value in any case */
  refuseEndless(): void {
    const circles = this.#circlesOf((edge) => edge.application === 'same');
    if (circles.size > 0) throw new SchemaUnusableError('the JSON Schema refers to itself without end');
  }

  /** Returns true when a schema leads back to itself. */
  isRecursive(): boolean {
    return this.#allCircles().size > 0;
  }

  /**
   * Returns true when a schema leads back to itself in more than one way that one value may take: without remembering
   * results, a small value could take time that doubles with each of its levels.
   */
  branchesInCircle(): boolean {
    const circles = this.#allCircles();
    for (const [from, circle] of circles) {
      const within = (this.#edges.get(from) ?? []).filter(({ to }) => circles.get(to) === circle);
      const keywords = new Set(within.map(({ keyword }) => keyword));
      const staysInPlace = within.some(({ application }) => application !== 'part');
      if (keywords.size > 1 || (staysInPlace && within.length > 1)) return true;
    }
    return false;
  }

  /** Returns the largest number of branches that one keyword holds. */
  branchesMax(): number {
    let max = 0;
    for (const edges of this.#edges.values()) {
      max = Math.max(max, edges.filter(({ application }) => application !== 'part').length);
    }
    return max;
  }

  #allCircles(): ReadonlyMap<SchemaNode, number> {
    return (this.#circles ??= this.#circlesOf(() => true));
  }

  /**
   * Numbers the nodes that lead back to themselves, those of one circle alike (strongly connected components by
   * Tarjan's algorithm, without recursion).
   */
  #circlesOf(counts: (edge: Edge) => boolean): ReadonlyMap<SchemaNode, number> {
    const circles = new Map<SchemaNode, number>();
    const order = new Map<SchemaNode, number>();
    const low = new Map<SchemaNode, number>();
    const open: SchemaNode[] = [];
    const isOpen = new Set<SchemaNode>();
    const lower = (node: SchemaNode, to: number): void => void low.set(node, Math.min(low.get(node) ?? to, to));
    const enter = (node: SchemaNode): Visit => {
      order.set(node, order.size);
      lower(node, order.get(node) ?? 0);
      open.push(node);
      isOpen.add(node);
      return { node, targets: (this.#edges.get(node) ?? []).filter(counts).map(({ to }) => to), at: 0 };
    };
    const leave = ({ node, targets }: Visit): void => {
      if (low.get(node) !== order.get(node)) return;
      const members = open.splice(open.lastIndexOf(node));
      for (const member of members) isOpen.delete(member);
      if (members.length === 1 && !targets.includes(node)) return;
      for (const member of members) circles.set(member, order.get(node) ?? 0);
    };
    for (const start of this.#edges.keys()) {
      if (order.has(start)) continue;
      const path = [enter(start)];
      for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
        const to = visit.targets[visit.at++];
        if (to === undefined) {
          leave(visit);
          path.pop();
          const outer = path.at(-1);
          if (outer !== undefined) lower(outer.node, low.get(visit.node) ?? 0);
        } else if (!order.has(to)) path.push(enter(to));
        else if (isOpen.has(to)) lower(visit.node, order.get(to) ?? 0);
      }
    }
    return circles;
  }
}

interface Visit {
  readonly node: SchemaNode;
  readonly targets: readonly SchemaNode[];
  at: number;
}
