/** The reason why the store refused a write. Fields have the names of the entity. */
export type Violation =
  | { readonly kind: 'unique'; readonly values: Readonly<Record<string, unknown>> }
  | {
      readonly kind: 'foreign';
      readonly field: string;
      /** The reference that led nowhere: `{ id }` or `{ name }`. */
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
