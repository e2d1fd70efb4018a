import { recordOf } from '../api/read.ts';
import { faultAt, faultText } from './faults.ts';
import { useFormParts, type FieldProps } from './form-parts.ts';

/** A map: a row for each key with its value. */
export function MapField({ field, path, value, faults, onChange }: FieldProps) {
  const { Control } = useFormParts();
  const { values } = field;
  if (values === undefined) return null;
  const entries = Object.entries(recordOf(value ?? field.defaultValue));
  const empty = values.type === 'array' || values.type === 'set' ? [''] : values.type === 'record' ? {} : '';
  const replace = (index: number, entry: readonly [string, unknown] | undefined): void =>
    onChange(
      Object.fromEntries(entries.flatMap((one, at) => (at !== index ? [one] : entry === undefined ? [] : [entry]))),
    );
  return (
    <div class="field-body">
      {entries.map(([key, item], index) => (
        <div key={index} class="group">
          <div class="item">
            <input
              type="text"
              aria-label={`Key ${index + 1} of ${path}`}
              value={key}
              onChange={(event) => replace(index, [event.currentTarget.value, item])}
            />
            <button
              type="button"
              class="button button-plain"
              aria-label={`Remove ${key} from ${path}`}
              onClick={() => replace(index, undefined)}
            >
              Remove
            </button>
          </div>
          <Control
            field={values}
            path={`${path}.${key}`}
            value={item}
            faults={faultAt(faults, key)}
            onChange={(changed) => replace(index, [key, changed ?? empty])}
          />
          {values.type !== 'record' && faultText(faultAt(faults, key)) !== undefined && (
            <p class="field-fault" role="alert">
              {faultText(faultAt(faults, key))}
            </p>
          )}
        </div>
      ))}
      <button
        type="button"
        class="button"
        aria-label={`Add to ${path}`}
        onClick={() => onChange({ ...Object.fromEntries(entries), '': empty })}
      >
        Add
      </button>
    </div>
  );
}
