import { useState } from 'preact/hooks';
import { recordOf } from '../api/read.ts';
import { faultAt, faultText, hasFaults, type Faults } from './faults.ts';
import { isSet, withField, type FormField } from './form-field.ts';
import { useFormParts } from './form-parts.ts';

interface RecordFieldsProps {
  readonly fields: readonly FormField[];
  readonly value: unknown;
  readonly faults: Faults;
  /** The dotted path of the record; empty for the entity. */
  readonly path: string;
  readonly onChange: (value: Readonly<Record<string, unknown>>) => void;
}

/** Records with more fields show those that matter first, the others behind a summary. */
const openFieldsMax = 12;

/** The fields of a record. What is required or set stands open; where there are many, the others are folded. */
export function RecordFields({ fields, value, faults, path, onChange }: RecordFieldsProps) {
  const { Field } = useFormParts();
  const values = recordOf(value);
  const usable = fields.filter(({ name, deprecation }) => deprecation === undefined || values[name] != null);
  // Chosen once: a field must not move while somebody types into it.
  const [first] = useState(() => new Set(usable.filter((field) => isFirst(field, usable.length, values)).map(nameOf)));
  const folded = usable.filter(({ name }) => !first.has(name));
  const render = (field: FormField) => (
    <Field
      key={field.name}
      field={field}
      path={path === '' ? field.name : `${path}.${field.name}`}
      value={values[field.name]}
      faults={faultAt(faults, field.name)}
      onChange={(changed) => onChange(withField(value, field.name, changed))}
    />
  );
  const own = faultText(faults);
  return (
    <>
      {own !== undefined && (
        <p class="field-fault" role="alert">
          {own}
        </p>
      )}
      {usable.filter(({ name }) => first.has(name)).map(render)}
      {folded.length > 0 && (
        <details open={folded.some(({ name }) => hasFaults(faultAt(faults, name))) || undefined}>
          <summary>{folded.length} more settings</summary>
          <div class="stack">{folded.map(render)}</div>
        </details>
      )}
    </>
  );
}

function nameOf({ name }: FormField): string {
  return name;
}

/** Returns whether a field stands open: it must be filled in, is set, or is one that people look for. */
function isFirst(field: FormField, count: number, values: Readonly<Record<string, unknown>>): boolean {
  const mustBeFilled = field.required && field.defaultValue === undefined && field.type !== 'record';
  return count <= openFieldsMax || mustBeFilled || isSet(field, values[field.name]) || commonNames.has(field.name);
}

/** Fields that people fill in nearly always, though the schema does not require them. */
const commonNames: ReadonlySet<string> = new Set([
  'name',
  'instance_name',
  'enabled',
  'tags',
  'route',
  'service',
  'consumer',
  'paths',
  'methods',
  'hosts',
  'host',
  'port',
  'path',
  'config',
  'bootstrap_servers',
  'topic',
  'algorithm',
]);
