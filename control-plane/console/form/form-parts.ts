import { createContext, type ComponentType } from 'preact';
import { useContext } from 'preact/hooks';
import type { Faults } from './faults.ts';
import type { FormField } from './form-field.ts';

export interface FieldProps {
  readonly field: FormField;
  /** The dotted path from the entity: `config.topic`. */
  readonly path: string;
  readonly value: unknown;
  readonly faults: Faults;
  readonly onChange: (value: unknown) => void;
}

/** The parts that lists, maps and records draw their inner values with: a schema may nest them to any depth. */
export interface FormParts {
  /** A field with its name, its hint and its fault. */
  readonly Field: ComponentType<FieldProps>;
  /** The control alone. */
  readonly Control: ComponentType<FieldProps>;
}

export const FormPartsContext = createContext<FormParts | undefined>(undefined);

export function useFormParts(): FormParts {
  const parts = useContext(FormPartsContext);
  if (parts === undefined) throw new Error('A field stands outside of EntityFields');
  return parts;
}
