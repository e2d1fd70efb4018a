import { kindOfEntity } from '../api/kinds.ts';
import { numberOf, shown, textOf, type Values } from '../api/read.ts';
import { fleet } from '../api/fleet.ts';
import { nodeNames } from '../api/nodes.ts';
import { hrefOf } from '../navigation/location.ts';
import { Ago } from './time.tsx';

const verbs: Readonly<Record<string, string>> = {
  create: 'created',
  update: 'updated',
  delete: 'deleted',
  try: 'tried',
};

/** One change of the audit log in a line; it leads to the change with its diff. */
export function ChangeLine({ entry }: { readonly entry: Values }) {
  const operation = textOf(entry['operation']) ?? '';
  const isTrial = operation === 'try';
  const kind = isTrial ? 'a request on' : (kindOfEntity(textOf(entry['entity']) ?? '')?.one ?? textOf(entry['entity']));
  const id = textOf(entry['entity_id']) ?? '';
  const name = (isTrial ? nodeNames(fleet.value.nodes).get(id) : textOf(entry['entity_name'])) || id;
  return (
    <li class="row">
      <span class={`chip chip-${operation}`}>{verbs[operation] ?? operation}</span>
      <span class="row-main">
        <a href={hrefOf('/changes', { change: shown(entry['id']) })}>
          {kind} <strong>{name}</strong>
        </a>
        <span class="row-detail">by {shown(entry['actor'])}</span>
      </span>
      <span class="row-end">
        <Ago at={numberOf(entry['at'])} />
      </span>
    </li>
  );
}
