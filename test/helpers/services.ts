import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultServicesDirectory } from '../../control-plane/cli/services/download.ts';
import { servicesStatus, startServices, stopServices } from '../../control-plane/cli/services/services.ts';

// The run's own topics and schemas: away from those of the quickstart, and removed afterwards.
const directory = join(defaultServicesDirectory, 'test');

/** Addresses of a real Kafka (`host:port,…`) and a real registry (`…/apis/ccompat/v7`). */
export interface Services {
  readonly kafka: string;
  readonly registry: string;
}

/**
 * Runs the work against the services named by SLUICE_TEST_KAFKA and SLUICE_TEST_REGISTRY, else those that run already,
 * else ones of its own, which are stopped and removed afterwards.
 */
export async function withServices<T>(work: (services: Services) => Promise<T>): Promise<T> {
  const services = await startServices({
    directory,
    downloads: defaultServicesDirectory,
    given: await findServices(),
    owner: process.pid,
    onProgress: (message) => console.log(message),
  });
  try {
    return await work(services);
  } finally {
    if (services.origin === 'started') {
      await stopServices({ directory });
      await rm(directory, { recursive: true, force: true });
    }
  }
}

async function findServices(): Promise<Partial<Services>> {
  const kafka = process.env['SLUICE_TEST_KAFKA'];
  const registry = process.env['SLUICE_TEST_REGISTRY'];
  const { record, kafkaFault, registryFault } = await servicesStatus();
  const isRunning = record !== undefined && kafkaFault === undefined && registryFault === undefined;
  return {
    ...(isRunning ? { kafka: record.kafka, registry: record.registry } : {}),
    ...(kafka === undefined || kafka === '' ? {} : { kafka }),
    ...(registry === undefined || registry === '' ? {} : { registry }),
  };
}
