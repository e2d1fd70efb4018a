import { ServicePlans } from '../../../data-plane/runtime/service-plans.ts';
import { UpstreamPool } from '../../../data-plane/runtime/upstream-pool.ts';

/** Returns plans of services for tests that forward nothing. */
export function noServices(): ServicePlans {
  return new ServicePlans(
    new UpstreamPool({
      // Addresses that hold for ever leave no timer behind.
      resolve: (host, port) => Promise.resolve({ addresses: [{ address: host, port }], ttlMs: Infinity }),
      onHealth: () => undefined,
      onUnresolved: () => undefined,
    }),
  );
}
