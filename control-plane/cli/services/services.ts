import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { canUseDocker, composeAddresses, composeStop, composeUp } from './docker.ts';
import { defaultServicesDirectory, downloadArtifacts } from './download.ts';
import { findJavaFault } from './java.ts';
import { isRunning, stopProcess, type ProcessRef } from './jvm-process.ts';
import { startKafkaCluster } from './kafka-cluster.ts';
import { fetchMetadata, type KafkaAddress } from './kafka-wire.ts';
import { withLock } from './lock.ts';
import { checkRegistry, startRegistry } from './registry.ts';

const probeTimeoutMs = 3_000;
const stopGraceMs = 15_000;
const composeReadyTimeoutMs = 120_000;
// A first start downloads 160 MB while another process may wait for it.
const startTimeoutMs = 25 * 60_000;
const pollMs = 500;

export interface ServiceAddresses {
  /** `host:port`, several comma separated. */
  readonly kafka: string;
  /** Base address of the registry's Confluent-compatible API. */
  readonly registry: string;
}

export type ServicesKind = 'docker' | 'java';

/** services.json: what runs, so that any later process finds, verifies and stops it. */
export interface ServicesRecord extends ServiceAddresses {
  readonly kind: ServicesKind;
  readonly processes: readonly ProcessRef[];
  /** Who stops them again when it ends; undefined: nobody, until `sluice services stop`. */
  readonly owner: number | undefined;
  readonly startedAt: string;
}

export interface StartServicesOptions {
  /** Data and services.json; `sluice-data/services` by default. */
  readonly directory?: string;
  /** The folder of the downloads; `directory` by default. */
  readonly downloads?: string;
  /** Addresses that are given are used as they are; nothing is started in their place. */
  readonly given?: Partial<ServiceAddresses>;
  readonly composeFile?: string;
  /** Process that will stop what this call starts; see `ServicesRecord`. */
  readonly owner?: number;
  /** Called with one sentence before a step that takes time. */
  readonly onProgress?: (message: string) => void;
}

export interface StartedServices extends ServiceAddresses {
  /**
   * given: the caller named both addresses. running: they ran already and have an owner. started: this call started them,
   * or took them over from an owner that has ended.
   */
  readonly origin: 'given' | 'running' | 'started';
}

/** Nothing on this machine can run the services; the message says what to install. */
export class ServicesUnavailableError extends Error {
  constructor(javaFault: string) {
    super(
      `There is no Kafka and no schema registry, and nothing to start them with: no Docker engine answers, and ${javaFault}. ` +
        'Install Java 17 or newer and Maven (Debian: apt-get install openjdk-17-jre-headless maven), or start a Docker engine, ' +
        'or give the addresses of your own Kafka and registry.',
    );
    this.name = 'ServicesUnavailableError';
  }
}

/** Makes sure that Kafka and a registry answer: given ones, running ones, by Docker, or by Java. Idempotent. */
export async function startServices(options: StartServicesOptions = {}): Promise<StartedServices> {
  const { given = {} } = options;
  if (given.kafka !== undefined && given.registry !== undefined) {
    await checkGiven({ kafka: given.kafka, registry: given.registry });
    return { kafka: given.kafka, registry: given.registry, origin: 'given' };
  }
  const directory = resolve(options.directory ?? defaultServicesDirectory);
  await mkdir(directory, { recursive: true });
  return withLock({ path: join(directory, 'services.lock'), timeoutMs: startTimeoutMs }, async () => {
    const record = await readRecord(directory);
    if (record !== undefined) {
      const alive = await isAlive(record);
      if (alive && !isOrphan(record)) return { ...addressesOf(record, given), origin: 'running' };
      if (alive) {
        await writeRecord(directory, { ...record, owner: options.owner });
        return { ...addressesOf(record, given), origin: 'started' };
      }
      await stopProcesses(record.processes);
    }
    const started = await startFresh(directory, options);
    await writeRecord(directory, started);
    return { ...addressesOf(started, given), origin: 'started' };
  });
}

/** Stops what services.json names; resolves to whether there was anything. */
export async function stopServices(options: { directory?: string; composeFile?: string } = {}): Promise<boolean> {
  const directory = resolve(options.directory ?? defaultServicesDirectory);
  await mkdir(directory, { recursive: true });
  return withLock({ path: join(directory, 'services.lock'), timeoutMs: startTimeoutMs }, async () => {
    const record = await readRecord(directory);
    if (record === undefined) return false;
    if (record.kind === 'docker') await composeStop(options.composeFile ?? defaultComposeFile);
    await stopProcesses(record.processes);
    await rm(recordPath(directory), { force: true });
    return true;
  });
}

export interface ServicesStatus {
  readonly record: ServicesRecord | undefined;
  /** Why Kafka or the registry does not answer; undefined where it does. */
  readonly kafkaFault: string | undefined;
  readonly registryFault: string | undefined;
}

export async function servicesStatus(directory = defaultServicesDirectory): Promise<ServicesStatus> {
  const record = await readRecord(resolve(directory));
  if (record === undefined) return { record, kafkaFault: 'not started', registryFault: 'not started' };
  const [kafkaFault, registryFault] = await Promise.all([
    faultOf(checkKafka(record.kafka)),
    faultOf(checkRegistry(record.registry)),
  ]);
  return { record, kafkaFault, registryFault };
}

const defaultComposeFile = 'docker-compose.yml';

async function startFresh(directory: string, options: StartServicesOptions): Promise<ServicesRecord> {
  const { onProgress = () => undefined, composeFile = defaultComposeFile } = options;
  const common = { owner: options.owner, startedAt: new Date().toISOString() };
  if (await canUseDocker(composeFile)) {
    onProgress('Starting Kafka and the schema registry with Docker.');
    await composeUp(composeFile);
    await waitForServices(composeAddresses);
    return { ...common, ...composeAddresses, kind: 'docker', processes: [] };
  }
  const javaFault = await findJavaFault();
  if (javaFault !== undefined) throw new ServicesUnavailableError(javaFault);
  onProgress('Starting Kafka and the schema registry.');
  return { ...common, ...(await startWithJava(directory, options)), kind: 'java' };
}

async function startWithJava(
  directory: string,
  { given = {}, downloads = directory, onProgress }: StartServicesOptions,
): Promise<ServiceAddresses & { readonly processes: readonly ProcessRef[] }> {
  await downloadArtifacts({ directory: downloads, ...(onProgress && { onProgress }) });
  const common = { downloads, lifetime: 'detached' } as const;
  const [kafka, registry] = await Promise.allSettled([
    given.kafka === undefined ? startKafkaCluster({ ...common, directory: join(directory, 'kafka') }) : undefined,
    given.registry === undefined ? startRegistry({ ...common, directory: join(directory, 'registry') }) : undefined,
  ]);
  if (kafka.status === 'fulfilled' && registry.status === 'fulfilled') {
    return {
      kafka: given.kafka ?? kafka.value?.bootstrapServers ?? '',
      registry: given.registry ?? registry.value?.url ?? '',
      processes: [
        ...(kafka.value?.processes() ?? []),
        ...(registry.value === undefined ? [] : [registry.value.process()]),
      ],
    };
  }
  // Kafka without a registry is of no use, and services.json would not name it.
  if (kafka.status === 'fulfilled') await kafka.value?.stop();
  if (registry.status === 'fulfilled') await registry.value?.stop();
  throw kafka.status === 'rejected' ? kafka.reason : registry.status === 'rejected' ? registry.reason : undefined;
}

function addressesOf(record: ServicesRecord, given: Partial<ServiceAddresses>): ServiceAddresses {
  return { kafka: given.kafka ?? record.kafka, registry: given.registry ?? record.registry };
}

/** Both answer and, where they are processes of ours, those live. */
async function isAlive(record: ServicesRecord): Promise<boolean> {
  const running = await Promise.all(record.processes.map(isRunning));
  return running.every(Boolean) && (await faultOf(checkServices(record))) === undefined;
}

/** The owner that was to stop them has gone without doing so. */
function isOrphan({ owner }: ServicesRecord): boolean {
  if (owner === undefined) return false;
  try {
    process.kill(owner, 0);
    return false;
  } catch {
    return true;
  }
}

async function checkServices({ kafka, registry }: ServiceAddresses): Promise<void> {
  await Promise.all([checkKafka(kafka), checkRegistry(registry)]);
}

/** Rejects with the option that names a service that does not answer, and what to do. */
async function checkGiven({ kafka, registry }: ServiceAddresses): Promise<void> {
  const [kafkaFault, registryFault] = await Promise.all([faultOf(checkKafka(kafka)), faultOf(checkRegistry(registry))]);
  const cure = 'Start it, mend the address, or leave both options out, so that Kafka and a registry are started.';
  if (kafkaFault !== undefined) throw new Error(`--kafka ${kafka}: no broker answers (${kafkaFault}). ${cure}`);
  if (registryFault !== undefined)
    throw new Error(`--registry ${registry}: it does not answer (${registryFault}). ${cure}`);
}

async function checkKafka(addresses: string): Promise<void> {
  await fetchMetadata(firstAddress(addresses), probeTimeoutMs);
}

/** The first of `host:port,…`. */
export function firstAddress(addresses: string): KafkaAddress {
  const [first = ''] = addresses.split(',');
  const colon = first.lastIndexOf(':');
  return { host: first.slice(0, colon), port: Number(first.slice(colon + 1)) };
}

async function waitForServices(addresses: ServiceAddresses): Promise<void> {
  const deadline = Date.now() + composeReadyTimeoutMs;
  for (;;) {
    const fault = await faultOf(checkServices(addresses));
    if (fault === undefined) return;
    if (Date.now() > deadline)
      throw new Error(`The services did not answer within ${composeReadyTimeoutMs} ms: ${fault}`);
    await delay(pollMs);
  }
}

async function stopProcesses(processes: readonly ProcessRef[]): Promise<void> {
  await Promise.all(processes.map((ref) => stopProcess(ref, stopGraceMs)));
}

function recordPath(directory: string): string {
  return join(directory, 'services.json');
}

async function readRecord(directory: string): Promise<ServicesRecord | undefined> {
  try {
    const record: ServicesRecord = JSON.parse(await readFile(recordPath(directory), 'utf8'));
    return record;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeRecord(directory: string, record: ServicesRecord): Promise<void> {
  const path = recordPath(directory);
  await writeFile(`${path}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
  await rename(`${path}.new`, path);
}

async function faultOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
