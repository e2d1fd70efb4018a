import { isRecord } from '../schema/is-record.ts';
import type { DocumentFault, DocumentPath } from './document-item.ts';

/** `${{ env "DECK_NAME" }}`, which decK replaces before it sends a file. */
const template = /\$\{\{\s*env\s+["']?([A-Za-z_][A-Za-z0-9_]*)/;

/** Finds decK's templates in a document: nothing here replaces them, so that they would be taken for values. */
export function findTemplates(value: unknown, path: DocumentPath = []): DocumentFault[] {
  if (typeof value === 'string') {
    const name = value.includes('${{') ? template.exec(value)?.[1] : undefined;
    if (name === undefined) return [];
    const message = `holds a template of decK, \${{ env "${name}" }}: render the file with decK first, or write {vault://env/NAME}`;
    return [{ path, message }];
  }
  const faults: DocumentFault[] = [];
  const entries = Array.isArray(value) ? [...value.entries()] : isRecord(value) ? Object.entries(value) : [];
  for (const [part, inner] of entries) {
    if (typeof inner !== 'string' && typeof inner !== 'object') continue;
    for (const fault of findTemplates(inner, [...path, part])) faults.push(fault);
  }
  return faults;
}
