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
  const isFirst = (field: FormField): boolean =>
    usable.length <= openFieldsMax ||
    (field.required && field.defaultValue === undefined && field.type !== 'record') ||
    isSet(field, values[field.name]) ||
    commonNames.has(field.name) ||
    hasFaults(faultAt(faults, field.name));
  const folded = usable.filter((field) => !isFirst(field));
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
      {usable.filter(isFirst).map(render)}
      {folded.length > 0 && (
        <details>
          <summary>{folded.length} more settings, all at their defaults</summary>
          <div class="stack">{folded.map(render)}</div>
        </details>
      )}
    </>
  );
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
