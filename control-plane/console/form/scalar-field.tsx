import { shown } from '../api/read.ts';
import { faultText } from './faults.ts';
import type { FieldProps } from './form-parts.ts';

/** Names of fields whose text has several lines. */
const longNames = /^(cert|key|cert_alt|key_alt|rsa_public_key|schema|body|message|.*_pem|ca)$|functions|script|lua/;

/** A control for a text, a number, a choice or a truth. */
export function ScalarField(props: FieldProps) {
  const { field, path, value, faults, onChange } = props;
  const fault = faultText(faults);
  const attributes = {
    id: path,
    'aria-invalid': fault !== undefined,
    ...(fault === undefined ? {} : { 'aria-describedby': `${path}-fault` }),
    ...(field.name === '' ? { 'aria-label': path } : {}),
  };
  const choices = field.type === 'boolean' ? ['true', 'false'] : field.oneOf.map(String);
  if (choices.length > 0) {
    const unset = field.defaultValue === undefined ? 'not set' : `default: ${shown(field.defaultValue)}`;
    return (
      <select
        {...attributes}
        value={value === undefined || value === null ? '' : shown(value)}
        onChange={(event) => onChange(typed(field.type, event.currentTarget.value))}
      >
        <option value="">{unset}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  const text = value === undefined || value === null ? '' : shown(value);
  if (
    field.type === 'any' ||
    text.includes('\n') ||
    (field.type === 'string' && longNames.test(path.replace(/^.*\.(?=\D)|\.\d+$/g, '')))
  ) {
    return (
      <textarea
        {...attributes}
        class={field.isSecret ? 'secret' : undefined}
        spellcheck={false}
        rows={1}
        value={text}
        onInput={(event) => onChange(typed(field.type, event.currentTarget.value))}
      />
    );
  }
  return (
    <input
      {...attributes}
      type="text"
      class={field.isSecret ? 'secret' : undefined}
      autocomplete="off"
      inputmode={field.type === 'integer' ? 'numeric' : undefined}
      spellcheck={false}
      value={text}
      onInput={(event) => onChange(typed(field.type, event.currentTarget.value))}
    />
  );
}

/** Returns the value that a text stands for. A text that is none of the type stays as it is, and the Admin API says what is wrong. */
function typed(type: string, text: string): unknown {
  if (text === '') return undefined;
  switch (type) {
    case 'boolean':
      return text === 'true';
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'any':
      return parsed(text);
    default:
      return text;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
