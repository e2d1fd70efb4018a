import { Control, Field } from './field.tsx';
import type { Faults } from './faults.ts';
import type { FormField } from './form-field.ts';
import { FormPartsContext } from './form-parts.ts';
import { RecordFields } from './record-fields.tsx';

interface EntityFieldsProps {
  readonly fields: readonly FormField[];
  readonly value: Readonly<Record<string, unknown>>;
  readonly faults: Faults;
  readonly onChange: (value: Readonly<Record<string, unknown>>) => void;
}

const parts = { Control, Field };

/** All fields of an entity. */
export function EntityFields(props: EntityFieldsProps) {
  return (
    <FormPartsContext.Provider value={parts}>
      <RecordFields path="" {...props} />
    </FormPartsContext.Provider>
  );
}
