import type { FieldFault } from './field.ts';

/** Faults in the shape of the entity: objects by field, arrays by position with null for what is good. */
export type FaultTree = { readonly [name: string]: FaultNode };
export type FaultNode = string | null | readonly FaultNode[] | FaultTree;

/** `fields` of an error answer. Faults of a record itself stand in a list under `@entity`. */
export function faultTree(faults: readonly FieldFault[]): FaultTree {
  return objectNode(
    [],
    faults.map(({ path, message }) => ({ path: path.length === 0 ? ['@entity'] : path, message })),
  );
}

/**
 * `schema violation (host: required field missing)`, `2 schema violations (…; …)`; faults of the entity come first.
 * `total`: of which these are the first.
 */
export function faultMessage(faults: readonly FieldFault[], total = faults.length): string {
  const texts = faults
    .map((fault) => ({ path: dottedPath(fault.path), message: fault.message }))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const head = total === 1 ? 'schema violation' : `${total} schema violations`;
  const more = total > texts.length ? `; and ${total - texts.length} more` : '';
  return `${head} (${texts.join('; ')}${more})`;
}

/** `paths.1`: positions count from 1, as in Kong; '' is the entity itself. */
export function dottedPath(path: FieldFault['path']): string {
  return path
    .filter((part) => part !== '@entity')
    .map((part) => (typeof part === 'number' ? String(part + 1) : part))
    .join('.');
}

function node(faults: readonly FieldFault[]): FaultNode {
  const own = faults.filter(({ path }) => path.length === 0).map(({ message }) => message);
  const inner = faults.filter(({ path }) => path.length > 0);
  if (inner.length === 0) return own.join('; ');
  if (inner.some(({ path }) => typeof path[0] !== 'number')) return objectNode(own, inner);
  // A list at fault as a whole has no place for the faults of its elements.
  return own.length > 0 ? own.join('; ') : arrayNode(inner);
}

function objectNode(own: readonly string[], faults: readonly FieldFault[]): FaultTree {
  const groups = new Map<string, FieldFault[]>();
  for (const { path, message } of faults) {
    const name = String(path[0]);
    const group = groups.get(name) ?? [];
    group.push({ path: path.slice(1), message });
    groups.set(name, group);
  }
  const entity = [...own, ...(groups.get('@entity') ?? []).map(({ message }) => message)];
  groups.delete('@entity');
  // fromEntries defines own properties, so that a field called `__proto__` is only a name.
  return Object.fromEntries([
    ...(entity.length > 0 ? [['@entity', entity] as const] : []),
    ...[...groups].map(([name, group]) => [name, node(group)] as const),
  ]);
}

function arrayNode(faults: readonly FieldFault[]): FaultNode[] {
  const groups: FieldFault[][] = [];
  for (const { path, message } of faults) (groups[Number(path[0])] ??= []).push({ path: path.slice(1), message });
  return Array.from(groups, (group) => (group === undefined ? null : node(group)));
}
