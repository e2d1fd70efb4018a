import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import type { IssuerEvents } from '../plugin-api/issuer-keys.ts';

/** Counts and logs how the keys of issuers are fetched. */
export function createIssuerEvents(registry: Registry, logger: Logger): IssuerEvents {
  const fetches = new Counter({
    name: 'sluice_issuer_key_fetches_total',
    help: 'Fetches of the keys of token issuers, by result',
    labelNames: ['result'],
    registers: [registry],
  });
  const warn = pacedLog((event, message, fields) => logger.warn(event, message, fields));
  return {
    onKeys(issuer) {
      fetches.inc({ result: 'fetched' });
      logger.info('issuer_keys_fetched', 'The keys of an issuer were fetched', { issuer });
    },
    onFailure(issuer, reason) {
      fetches.inc({ result: 'failed' });
      warn('issuer_unavailable', 'The keys of an issuer cannot be fetched; those that are there serve on', {
        issuer,
        reason,
      });
    },
  };
}
