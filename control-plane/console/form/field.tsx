import type { ComponentChildren } from 'preact';
import { recordOf, shown } from '../api/read.ts';
import { faultText, hasFaults } from './faults.ts';
import type { FormField } from './form-field.ts';
import type { FieldProps } from './form-parts.ts';
import { ListField } from './list-field.tsx';
import { MapField } from './map-field.tsx';
import { RecordFields } from './record-fields.tsx';
import { ReferenceField } from './reference-field.tsx';
import { ScalarField } from './scalar-field.tsx';

/** One field with its name, its control, what the schema says of it, and its fault. */
export function Field(props: FieldProps) {
  const { field, path, faults } = props;
  const text = faultText(faults);
  const isGroup = groups.has(field.type);
  const name = <FieldName field={field} />;
  return (
    <div class={field.type === 'record' ? 'field field-wide' : 'field'} data-field={path}>
      {isGroup ? (
        <span class="field-name" id={`${path}-name`}>
          {name}
        </span>
      ) : (
        <label for={path}>{name}</label>
      )}
      <div class="field-body">
        {isGroup ? (
          <div role="group" aria-labelledby={`${path}-name`}>
            <GroupControl {...props} />
          </div>
        ) : (
          <Control {...props} />
        )}
        {text !== undefined && field.type !== 'record' && (
          <p class="field-fault" id={`${path}-fault`} role="alert">
            {text}
          </p>
        )}
        <Hint field={field} />
      </div>
    </div>
  );
}

const groups: ReadonlySet<string> = new Set(['record', 'array', 'set', 'map']);

/** The control of one value without a name of its own: a field's, or an element's of a list. */
export function Control(props: FieldProps) {
  if (groups.has(props.field.type)) return <GroupControl {...props} />;
  return props.field.type === 'foreign' ? <ReferenceField {...props} /> : <ScalarField {...props} />;
}

function GroupControl(props: FieldProps): ComponentChildren {
  const { field, path, value, faults, onChange } = props;
  if (field.type === 'map') return <MapField {...props} />;
  if (field.type !== 'record') return <ListField {...props} />;
  const isMissing = (value === undefined || value === null) && !field.required;
  if (isMissing && !hasFaults(faults)) {
    return (
      <button type="button" class="button" onClick={() => onChange({})}>
        Set
      </button>
    );
  }
  return (
    <div class="group">
      <RecordFields fields={field.fields} value={recordOf(value)} faults={faults} path={path} onChange={onChange} />
      {!field.required && field.name !== '' && (
        <div>
          <button type="button" class="button button-plain" onClick={() => onChange(undefined)}>
            Unset {field.name}
          </button>
        </div>
      )}
    </div>
  );
}

function FieldName({ field: { name, required, defaultValue } }: { readonly field: FormField }) {
  return (
    <>
      {name.replaceAll('_', ' ')}
      {required && defaultValue === undefined && (
        <span class="needed" title="required">
          {' '}
          *
        </span>
      )}
    </>
  );
}

/** Returns whether a person types the value: a choice shows its default itself. */
function isTyped({ type, oneOf }: FormField): boolean {
  return oneOf.length === 0 && (type === 'string' || type === 'integer' || type === 'number');
}

function Hint({ field }: { readonly field: FormField }) {
  const { description, between, defaultValue, referenceable, deprecation } = field;
  const parts = [
    description,
    deprecation,
    between && `From ${between[0]} to ${between[1]}.`,
    defaultValue !== undefined && isTyped(field) && `Default: ${shown(defaultValue)}.`,
    referenceable && 'May be a reference such as {vault://env/NAME}.',
  ].filter((part) => typeof part === 'string');
  return parts.length === 0 ? null : <p class="field-hint">{parts.join(' ')}</p>;
}
