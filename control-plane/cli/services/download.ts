import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { tellGrowth } from './folder-growth.ts';
import { withLock } from './lock.ts';

export const kafkaVersion = '4.3.1';
export const registryVersion = '3.0.9';
const embeddedRedisVersion = '1.4.3';
// Pinned: which one a bare `dependency:` means depends on the Maven, and some in between want the registry's parent pom,
// which is not published.
const mavenPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.10.0';
/** The folder of the services' downloads and data unless another one is named. */
export const defaultServicesDirectory = join('sluice-data', 'services');

const run = promisify(execFile);
// 210 MB in all; slow lines get their time, a dead one ends.
const downloadTimeoutMs = 20 * 60_000;
const outputBytesMax = 16 * 1024 * 1024;

export interface Artifacts {
  /** Folder of Kafka's jars, tools included. */
  readonly kafkaJars: string;
  /** Folder of the unpacked registry. */
  readonly registryHome: string;
  /** The registry's runnable jar. */
  readonly registryJar: string;
}

interface Download {
  readonly folder: string;
  /** Says what it is and how large, where it is told how far it has come. */
  readonly size?: { readonly what: string; readonly bytes: number; readonly mavenFolders: readonly string[] };
  /** Fills a folder inside the (existing) temporary folder `work` and answers its path. */
  fetch(work: string): Promise<string>;
}

/** Maven's names, `group:artifact:version`. */
const kafkaArtifacts = [
  `org.apache.kafka:kafka_2.13:${kafkaVersion}`,
  `org.apache.kafka:kafka-tools:${kafkaVersion}`,
  'org.slf4j:slf4j-simple:1.7.36',
];
const registryDownload: Download = {
  folder: `apicurio-registry-${registryVersion}`,
  size: {
    what: 'Downloading the schema registry',
    bytes: 150_000_000,
    mavenFolders: [`io/apicurio/apicurio-registry-app/${registryVersion}`],
  },
  fetch: fetchRegistry,
};
/** Where Maven puts what it downloads, unless its settings say otherwise: then no bytes are told. */
const mavenRepository = join(homedir(), '.m2', 'repository');

export interface DownloadOptions {
  readonly directory?: string;
  /** Called with a sentence once a second while something is downloaded. */
  readonly onProgress?: (message: string) => void;
}

/**
 * Fetches Kafka and the registry from Maven Central (through mvn and its own cache) unless they are there already.
 * Several processes may call this at once: one downloads, into a temporary folder that gets its name when complete.
 */
export async function downloadArtifacts({
  directory = defaultServicesDirectory,
  onProgress,
}: DownloadOptions = {}): Promise<Artifacts> {
  const root = resolve(directory);
  const kafkaJars = await downloadKafka({ directory: root, ...(onProgress && { onProgress }) });
  const registryHome = await downloadOnce(root, registryDownload, onProgress);
  return {
    kafkaJars,
    registryHome,
    registryJar: join(registryHome, `apicurio-registry-app-${registryVersion}-runner.jar`),
  };
}

/** Fetches Kafka's jars alone. Resolves to their folder. */
export async function downloadKafka({
  directory = defaultServicesDirectory,
  onProgress,
}: DownloadOptions = {}): Promise<string> {
  const download: Download = {
    folder: `kafka-${kafkaVersion}`,
    size: {
      what: 'Downloading Kafka',
      bytes: 54_000_000,
      mavenFolders: ['org/apache/kafka', 'org/rocksdb', 'org/scala-lang', 'com/fasterxml/jackson', 'org/eclipse/jetty'],
    },
    fetch: (work) => fetchJars(work, kafkaArtifacts),
  };
  return downloadOnce(resolve(directory), download, onProgress);
}

/** Fetches Redis: Maven's artefact is for tests of Java programs and carries the server's binaries. Resolves to its folder. */
export function downloadRedis({ directory = defaultServicesDirectory }: DownloadOptions = {}): Promise<string> {
  return downloadOnce(resolve(directory), { folder: `embedded-redis-${embeddedRedisVersion}`, fetch: fetchRedis });
}

/** Fetches artifacts (`group:artifact:version`) with all that they depend on, once: answers the folder of the jars. */
export async function downloadJars(options: {
  readonly root: string;
  readonly folder: string;
  readonly artifacts: readonly string[];
}): Promise<string> {
  const { root, folder, artifacts } = options;
  return downloadOnce(root, { folder, fetch: (work) => fetchJars(work, artifacts) });
}

async function downloadOnce(
  root: string,
  download: Download,
  onProgress: DownloadOptions['onProgress'] = () => undefined,
): Promise<string> {
  const target = join(root, download.folder);
  if (await exists(target)) return target;
  await mkdir(root, { recursive: true });
  await withLock({ path: join(root, 'download.lock'), timeoutMs: downloadTimeoutMs }, async () => {
    if (await exists(target)) return;
    const work = join(root, `.${download.folder}-${randomUUID()}`);
    const { size } = download;
    const end =
      size &&
      tellGrowth({
        folders: size.mavenFolders.map((folder) => join(mavenRepository, folder)),
        bytesExpected: size.bytes,
        what: size.what,
        tell: onProgress,
      });
    if (size !== undefined) onProgress(`${size.what} from Maven Central (about ${Math.round(size.bytes / 1e6)} MB).`);
    try {
      await mkdir(work);
      await rename(await download.fetch(work), target);
    } finally {
      end?.();
      await rm(work, { recursive: true, force: true });
    }
  });
  return target;
}

async function fetchJars(work: string, artifacts: readonly string[]): Promise<string> {
  const pom = join(work, 'pom.xml');
  const jars = join(work, 'jars');
  await writeFile(pom, pomOf(artifacts));
  await runMaven(work, ['--file', pom, `${mavenPlugin}:copy-dependencies`, `-DoutputDirectory=${jars}`]);
  return jars;
}

/** The archive holds everything, so it is copied alone: a pom of ours would resolve the whole of its parents first. */
async function fetchRegistry(work: string): Promise<string> {
  const artifact = `io.apicurio:apicurio-registry-app:${registryVersion}:tar.gz:all`;
  await runMaven(work, [`${mavenPlugin}:copy`, `-Dartifact=${artifact}`, `-DoutputDirectory=${work}`]);
  const archive = (await readdir(work)).find((name) => name.endsWith('.tar.gz'));
  if (archive === undefined) throw new Error('Maven copied no archive of the registry.');
  const unpacked = join(work, 'unpacked');
  await mkdir(unpacked);
  await run('tar', ['-xzf', join(work, archive), '-C', unpacked], { timeout: downloadTimeoutMs });
  return unpacked;
}

async function fetchRedis(work: string): Promise<string> {
  const artifact = `com.github.codemonstur:embedded-redis:${embeddedRedisVersion}`;
  const unpacked = join(work, 'unpacked');
  await runMaven(work, [`${mavenPlugin}:unpack`, `-Dartifact=${artifact}`, `-DoutputDirectory=${unpacked}`]);
  return unpacked;
}

async function runMaven(work: string, args: readonly string[]): Promise<void> {
  try {
    // Its working directory is the temporary folder: a pom of the user's own must not be picked up.
    await run('mvn', ['--batch-mode', '--strict-checksums', ...args], {
      cwd: work,
      timeout: downloadTimeoutMs,
      maxBuffer: outputBytesMax,
    });
  } catch (error) {
    const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
    const lines = output.split('\n').filter((line) => line.includes('ERROR'));
    const cure =
      'Is the network there? A proxy or a mirror belongs into ~/.m2/settings.xml. Or give --kafka and --registry of your own.';
    throw new Error(`Maven could not fetch what is needed:\n${lines.slice(0, 10).join('\n')}\n${cure}`, {
      cause: error,
    });
  }
}

function pomOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((name) => {
    const [group, artifact, version] = name.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId>
  <artifactId>services</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    ${dependencies.join('\n    ')}
  </dependencies>
</project>
`;
}

/** Returns whether there is a file or folder of that name. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
