import type { DocumentErrors } from '../../shared/declarative/document-errors.ts';
import { faultMessage, faultTree } from '../../shared/schema/faults.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import type { StoreViolation } from '../store/store-errors.ts';

/** An answer of the Admin API that is not a success; the body is what the client sees. */
export class AdminError extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    body: Readonly<Record<string, unknown>> & { readonly message: string },
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(body.message);
    this.name = 'AdminError';
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Returns an error with a message alone, for what has no code in Kong. */
export function plainError(status: number, message: string): AdminError {
  return new AdminError(status, { message });
}

/** Faults that an answer lists of one body. A body of some megabytes may have one in every few bytes. */
export const faultsToldMax = 1_000;

export function schemaViolation(all: readonly FieldFault[]): AdminError {
  const faults = all.slice(0, faultsToldMax);
  return new AdminError(400, {
    code: 2,
    name: 'schema violation',
    message: faultMessage(faults, all.length),
    fields: faultTree(faults),
  });
}

export function entityNotFound(): AdminError {
  return new AdminError(404, { code: 6, name: 'not found', message: 'Not found' });
}

export function invalidOffset(offset: string, reason: string): AdminError {
  return new AdminError(400, {
    code: 7,
    name: 'invalid offset',
    message: `'${offset}' is not a valid offset: ${reason}`,
  });
}

export function invalidSize(): AdminError {
  return new AdminError(400, {
    code: 9,
    name: 'invalid size',
    message: 'size must be an integer between 1 and 1000',
  });
}

/** Returns the error of a query parameter. */
export function invalidOption(name: string, reason: string): AdminError {
  return new AdminError(400, {
    code: 11,
    name: 'invalid options',
    message: `invalid option (${name}: ${reason})`,
    fields: { [name]: reason },
  });
}

/** A write to a node whose configuration is a file. The verb is Kong's: create, update, `create or update`, remove. */
export function operationUnsupported(verb: string, plural: string): AdminError {
  return new AdminError(405, {
    code: 12,
    name: 'operation unsupported',
    message: `cannot ${verb} '${plural}' entities when not using a database`,
  });
}

/** Returns the error of a document. With `flatten`, the faults of entities stand in a list of their own. */
export function invalidDocument(
  { message, fields, ownFields, flattened }: DocumentErrors,
  flatten: boolean,
): AdminError {
  const body = { code: 14, name: 'invalid declarative configuration', message };
  return new AdminError(400, {
    ...body,
    ...(flatten ? { fields: ownFields, flattened_errors: flattened } : { fields }),
  });
}

export function violationError({ violation }: StoreViolation): AdminError {
  if (violation.kind === 'unique') {
    return new AdminError(409, {
      code: 5,
      name: 'unique constraint violation',
      message: `UNIQUE violation detected on '${luaText(violation.values)}'`,
      fields: violation.values,
    });
  }
  const foreign = { code: 4, name: 'foreign key violation' };
  if (violation.kind === 'foreign') {
    const { field, wanted, reference } = violation;
    return new AdminError(400, {
      ...foreign,
      message: `the foreign key '${luaText(wanted)}' does not reference an existing '${reference}' entity.`,
      fields: { [field]: wanted },
    });
  }
  return new AdminError(400, {
    ...foreign,
    message: `an existing '${violation.by}' entity references this '${violation.entity}' entity`,
    fields: { '@referenced_by': violation.by },
  });
}

/** `{name="x",route=null}`: Kong writes keys so, in order, and clients show it. */
function luaText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, inner]) => `${name}=${luaText(inner)}`).join(',')}}`;
}
