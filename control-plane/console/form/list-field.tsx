import { listOf } from '../api/read.ts';
import { faultAt, faultText } from './faults.ts';
import type { FormField } from './form-field.ts';
import { useFormParts, type FieldProps } from './form-parts.ts';

/** An array or a set: checkboxes where the values are a choice, else a row for each element. */
export function ListField(props: FieldProps) {
  const { field, value, path, faults, onChange } = props;
  const { Control } = useFormParts();
  const { elements } = field;
  if (elements === undefined) return null;
  if (field.type === 'set' && elements.oneOf.length > 0) return <Checks {...props} choices={elements.oneOf} />;
  const items = listOf(value ?? field.defaultValue);
  const replace = (index: number, changed: unknown): void =>
    onChange(items.map((item, at) => (at === index ? (changed ?? emptyOf(elements)) : item)));
  return (
    <div class="field-body">
      {items.map((item, index) => (
        <div key={index}>
          <div class="item">
            <Control
              field={elements}
              path={`${path}.${index + 1}`}
              value={item}
              faults={faultAt(faults, index)}
              onChange={(changed) => replace(index, changed)}
            />
            <button
              type="button"
              class="button button-plain"
              aria-label={`Remove ${path} ${index + 1}`}
              onClick={() => onChange(items.filter((_, at) => at !== index))}
            >
              Remove
            </button>
          </div>
          {elements.type !== 'record' && <ElementFault path={`${path}.${index + 1}`} faults={faultAt(faults, index)} />}
        </div>
      ))}
      <button
        type="button"
        class="button"
        aria-label={`Add to ${path}`}
        onClick={() => onChange([...items, emptyOf(elements)])}
      >
        Add
      </button>
    </div>
  );
}

function ElementFault({ path, faults }: { readonly path: string; readonly faults: unknown }) {
  const text = faultText(faults);
  if (text === undefined) return null;
  return (
    <p class="field-fault" id={`${path}-fault`} role="alert">
      {text}
    </p>
  );
}

function emptyOf({ type }: FormField): unknown {
  if (type === 'record' || type === 'map') return {};
  return type === 'array' || type === 'set' ? [] : '';
}

interface ChecksProps extends FieldProps {
  readonly choices: readonly (string | number)[];
}

function Checks({ field, path, value, onChange, choices }: ChecksProps) {
  const chosen = listOf(value ?? field.defaultValue);
  const toggle = (choice: string | number): void => {
    const next = chosen.includes(choice) ? chosen.filter((one) => one !== choice) : [...chosen, choice];
    onChange(next.length === 0 && !field.required ? undefined : next);
  };
  return (
    <div class="checks">
      {choices.map((choice) => (
        <label key={choice}>
          <input type="checkbox" name={path} checked={chosen.includes(choice)} onChange={() => toggle(choice)} />{' '}
          {choice}
        </label>
      ))}
    </div>
  );
}
