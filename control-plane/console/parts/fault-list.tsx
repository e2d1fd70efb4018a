import type { Fault } from '../api/nodes.ts';
import { hrefOf } from '../navigation/location.ts';
import { kindOfEntity } from '../api/kinds.ts';

/** Faults of a configuration: the entity, as a link, the field, and the reason. */
export function FaultList({ faults }: { readonly faults: readonly Fault[] }) {
  return (
    <ul class="rows">
      {faults.map((fault, index) => (
        <li key={index} class="row">
          <span class="row-main">
            <FaultEntity fault={fault} />
            {fault.field !== '' && <code class="field-path">{fault.field}</code>}
            <span class="row-detail">{fault.message}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

export function FaultEntity({ fault: { entityType, entityId, entityName } }: { readonly fault: Fault }) {
  const kind = kindOfEntity(entityType);
  const name = entityName === '' ? entityId : entityName;
  if (name === '') return <strong>the configuration</strong>;
  if (kind === undefined || entityId === '') {
    return (
      <strong>
        {entityType} {name}
      </strong>
    );
  }
  return (
    <a href={hrefOf(`/${kind.path}/${entityId}`)}>
      {kind.one} <strong>{name}</strong>
    </a>
  );
}
