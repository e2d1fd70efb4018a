import { kinds } from '../../api/kinds.ts';
import { recordOf, shown, textOf } from '../../api/read.ts';
import { hrefOf } from '../../navigation/location.ts';

interface EntityCellProps {
  readonly value: unknown;
  readonly column: string;
  /** The names of entities that are referred to, by id. */
  readonly names: ReadonlyMap<string, string>;
}

/** One value of an entity in a list. A reference leads to what it names. */
export function EntityCell({ value, column, names }: EntityCellProps) {
  if (value === null || value === undefined) return <span class="quiet">–</span>;
  const id = textOf(recordOf(value)['id']);
  const kind = kinds.find(({ plural }) => plural === `${column}s`);
  if (id !== undefined && kind !== undefined) {
    return <a href={hrefOf(`/${kind.path}/${id}`)}>{names.get(id) ?? id.slice(0, 8)}</a>;
  }
  if (Array.isArray(value)) return <span>{value.map(shown).join(', ')}</span>;
  if (typeof value === 'boolean') return <span>{value ? 'yes' : 'no'}</span>;
  return <span>{shown(value)}</span>;
}
