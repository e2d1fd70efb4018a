import { RequestError } from '../../shared/errors.ts';

/** Says to a client what it can do nothing about; subjects, hosts and reasons go to the log. */
const messages = {
  SCHEMA_NOT_FOUND: 'The schema registry does not have the schema of this record.',
  SCHEMA_UNUSABLE: 'The schema of this record cannot be used.',
  SCHEMA_REGISTRY_UNAVAILABLE: 'The schema registry cannot be asked at present.',
} as const;

/** Makes an error that tells the client its code, and the log the reason. */
export function schemaError(code: keyof typeof messages, reason: string, cause?: unknown): RequestError {
  return new RequestError(code, messages[code], { cause: new Error(reason, { cause }) });
}

/** Returns the reason for the log. */
export function reasonOf({ message, cause }: RequestError): string {
  return cause instanceof Error ? cause.message : message;
}
