import { ServicePlans } from '../../../data-plane/runtime/service-plans.ts';
import { UpstreamPool } from '../../../data-plane/runtime/upstream-pool.ts';

/** Returns plans of services whose hosts nobody knows, for tests that forward nothing. */
export function noServices(): ServicePlans {
  return new ServicePlans(
    new UpstreamPool({
      resolve: (host) => Promise.reject(new Error(`${host} is not known here`)),
      onHealth: () => undefined,
      onUnresolved: () => undefined,
    }),
  );
}
