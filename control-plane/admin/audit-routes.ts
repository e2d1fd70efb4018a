import type { AuditLog } from '../store/audit-log.ts';
import { invalidOffset } from './admin-error.ts';
import { decodeOffset, encodeOffset, listBody, querySize } from './list-query.ts';
import type { Handlers } from './resource.ts';

/** Adds the list of who changed what, the newest change first. */
export function addAuditRoutes(audit: AuditLog, add: (path: string, handlers: Handlers) => void): void {
  add('/audit/objects', {
    GET({ path, query }) {
      const size = querySize(query);
      const given = query.get('offset');
      const page = audit.page({ size, ...(given === undefined ? {} : { before: entryId(given) }) });
      const offset = page.next === undefined ? {} : { offset: encodeOffset([page.next]) };
      return { status: 200, body: listBody({ path, query, size, data: page.items, ...offset }) };
    },
  });
}

function entryId(offset: string): number {
  const [id = ''] = decodeOffset(offset);
  if (!/^\d{1,15}$/.test(id)) throw invalidOffset(offset, 'bad base64 encoding');
  return Number(id);
}
