import { listOf, shown, type Values } from '../../api/read.ts';
import { isRecord } from '../../../../shared/schema/is-record.ts';

interface Row {
  readonly path: string;
  readonly old: string | undefined;
  readonly new: string | undefined;
}

/** The fields that a change made, removed or replaced. */
export function Diff({ entry }: { readonly entry: Values }) {
  const before = flat(entry['old']);
  const after = flat(entry['new']);
  const changed = new Set(listOf(entry['changed']).map(String));
  const rows = [...new Set([...before.keys(), ...after.keys()])]
    .map((path) => ({ path, old: before.get(path), new: after.get(path) }))
    .filter((row) => row.old !== row.new);
  const told = new Set(rows.map(({ path }) => path));
  // A secret looks the same before and after, for it is masked.
  const hidden = [...changed].filter((path) => ![...told].some((one) => one === path || one.startsWith(`${path}.`)));
  if (rows.length === 0 && hidden.length === 0) {
    return <p class="quiet">The entity was too large to be kept in the log.</p>;
  }
  return (
    <>
      <DiffTable rows={rows} />
      {hidden.length > 0 && (
        <p class="quiet">
          Changed as well, not shown: <code>{hidden.join(', ')}</code>
        </p>
      )}
    </>
  );
}

function DiffTable({ rows }: { readonly rows: readonly Row[] }) {
  if (rows.length === 0) return null;
  return (
    <div class="table-frame">
      <table class="cards diff">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.path}>
              <td data-label="Field">{row.path}</td>
              <td data-label="Before" class={row.old === undefined ? undefined : 'old'}>
                {row.old ?? '–'}
              </td>
              <td data-label="After" class={row.new === undefined ? undefined : 'new'}>
                {row.new ?? '–'}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Returns the values of an entity by dotted path. What is null is not there. */
function flat(value: unknown, path = '', found = new Map<string, string>()): ReadonlyMap<string, string> {
  if (isRecord(value)) {
    for (const [name, inner] of Object.entries(value)) flat(inner, path === '' ? name : `${path}.${name}`, found);
  } else if (Array.isArray(value) && value.some((item) => isRecord(item))) {
    value.forEach((item, index) => flat(item, `${path}.${index + 1}`, found));
  } else if (value !== null && value !== undefined) found.set(path, shown(value));
  return found;
}
