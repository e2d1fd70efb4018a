/** Why the store refused a write. The names of fields are those of the entity. */
export type Violation =
  | { readonly kind: 'unique'; readonly values: Readonly<Record<string, unknown>> }
  | {
      readonly kind: 'foreign';
      readonly field: string;
      /** What was looked for: `{ id }` or `{ name }`. */
      readonly wanted: Readonly<Record<string, unknown>>;
      /** Plural name of the referenced entity. */
      readonly reference: string;
    }
  | {
      readonly kind: 'referenced';
      /** Plural name of the entity that was to be deleted. */
      readonly entity: string;
      /** Plural name of the entity that refers to it. */
      readonly by: string;
    };

/** A write that breaks uniqueness or a reference; nothing of its transaction is kept. */
export class StoreViolation extends Error {
  readonly violation: Violation;

  constructor(violation: Violation) {
    super(`${violation.kind} violation`);
    this.name = 'StoreViolation';
    this.violation = violation;
  }
}
