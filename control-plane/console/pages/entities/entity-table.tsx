import { entityName, type Kind } from '../../api/kinds.ts';
import { shown, textOf, type Values } from '../../api/read.ts';
import { hrefOf } from '../../navigation/location.ts';
import { EntityCell } from './entity-cell.tsx';
import { useReferenceNames } from './reference-names.ts';

/** Entities of one kind as rows; each leads to its page. */
export function EntityTable({ kind, items }: { readonly kind: Kind; readonly items: readonly Values[] }) {
  const names = useReferenceNames(kind, items);
  const hasTagsColumn = items.some(({ tags }) => Array.isArray(tags) && tags.length > 0);
  const [first = '', ...others] = kind.columns;
  return (
    <div class="table-frame">
      <table class="cards">
        <thead>
          <tr>
            {kind.columns.map((column) => (
              <th key={column} scope="col">
                {column.replaceAll('_', ' ')}
              </th>
            ))}
            {hasTagsColumn && <th scope="col">tags</th>}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={textOf(item['id'])}>
              <td data-label={first}>
                <a href={hrefOf(`/${kind.path}/${textOf(item['id']) ?? ''}`)}>
                  {Array.isArray(item[first]) || item[first] == null ? entityName(item) : shown(item[first])}
                </a>
              </td>
              {others.map((column) => (
                <td key={column} data-label={column}>
                  <EntityCell value={item[column]} column={column} names={names} />
                </td>
              ))}
              {hasTagsColumn && (
                <td data-label="tags">
                  <span>
                    {(Array.isArray(item['tags']) ? item['tags'] : []).map((tag) => (
                      <a key={String(tag)} class="label" href={hrefOf(`/${kind.path}`, { tags: String(tag) })}>
                        {String(tag)}
                      </a>
                    ))}
                  </span>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
