import { array, boolean, element, integer, map, number, record, string } from '../schema/field.ts';
import { checkHeaderName } from '../schema/header-name.ts';
import { checkServerName } from './host.ts';
import { checkServicePath } from './path.ts';

const kind = { oneOf: ['tcp', 'http', 'https', 'grpc', 'grpcs'], default: 'http' } as const;
/** Probing is off while it is 0. */
const interval = number({ between: [0, 65_535], default: 0, description: 'Seconds between two probes; 0: none.' });
/** 0: never. */
const count = integer({ between: [0, 255], default: 0 });

function statuses(list: readonly number[]) {
  return array(integer({ ...element, between: [100, 999] }), { default: list });
}

const failures = { tcp_failures: count, timeouts: count, http_failures: count };

/** The field `healthchecks`: active probes, passive observation, and the share of the weight that must be healthy. */
export const healthChecksField = record(
  {
    active: record(
      {
        type: string(kind),
        timeout: number({ between: [0, 65_535], default: 1, description: 'Seconds to wait for a probe.' }),
        concurrency: integer({ between: [1, 2_147_483_648], default: 10 }),
        http_path: string({ check: checkServicePath, default: '/' }),
        https_sni: string({ check: checkServerName }),
        https_verify_certificate: boolean({ required: true, default: true }),
        headers: map(string({ ...element, check: checkHeaderName }), array(string(element), element)),
        healthy: record({ interval, http_statuses: statuses([200, 302]), successes: count }, { required: true }),
        unhealthy: record(
          { interval, http_statuses: statuses([429, 404, 500, 501, 502, 503, 504, 505]), ...failures },
          { required: true },
        ),
      },
      { required: true },
    ),
    passive: record(
      {
        type: string(kind),
        healthy: record(
          {
            http_statuses: statuses([
              200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308,
            ]),
            successes: count,
          },
          { required: true },
        ),
        unhealthy: record({ http_statuses: statuses([429, 500, 503]), ...failures }, { required: true }),
      },
      { required: true },
    ),
    threshold: number({ between: [0, 100], default: 0, description: 'Percent of the weight that must be healthy.' }),
  },
  { required: true },
);
