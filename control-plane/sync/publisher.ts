import type { EntityFault } from '../../shared/config-source.ts';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import { canonicalJson } from '../../shared/snapshot.ts';
import type { ConfigReader } from '../store/config-reader.ts';
import { entityKey } from '../../shared/snapshot-wire.ts';
import { compatibilityOf, type OwnSchemas, wholeKey } from './compatibility.ts';
import { ConfigMirror, danglingReferences } from './config-mirror.ts';
import { NodeClass, type Publication, type ServedClass } from './node-class.ts';
import { VersionHistory } from './version-history.ts';

export interface PublisherOptions {
  readonly reader: ConfigReader;
  readonly schemas: OwnSchemas;
  readonly logger: Logger;
  /** The first change is published at once, later ones at most this often. */
  readonly coalesceMs?: number;
}

/** How long after a failure a version is tried again, if no change comes before. */
const retryMs = 5_000;
/** How many classes of nodes are served at once. A fleet has one, during an upgrade two or three. */
const classesMax = 64;

/**
 * Makes a version of each change, one at a time and only of the newest state. A state with the hash of the version before
 * makes no new one. It works from its construction to `stop`.
 */
export class Publisher {
  readonly #schemas: OwnSchemas;
  readonly #logger: Logger;
  readonly #coalesceMs: number;
  readonly #mirror: ConfigMirror;
  readonly #history = new VersionHistory();
  readonly #whole: NodeClass;
  readonly #classes = new Map<string, NodeClass>();
  readonly #listeners = new Set<(changed: boolean) => void>();
  #withheld: readonly EntityFault[] = [];
  #revision = -1;
  #dirty = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastStartMs = -Infinity;

  constructor({ reader, schemas, logger, coalesceMs = 100 }: PublisherOptions) {
    this.#schemas = schemas;
    this.#logger = logger;
    this.#coalesceMs = coalesceMs;
    this.#whole = new NodeClass({ key: wholeKey, refusal: undefined, adapt: undefined }, this.#history);
    this.#classes.set(wholeKey, this.#whole);
    this.#mirror = new ConfigMirror({
      reader,
      entities: schemas.entities,
      plugins: schemas.plugins,
      onChange: () => this.#changed(),
    });
    this.#schedule(0);
  }

  /** Returns the configuration for a node that knows everything; undefined until the first version is made. */
  latest(): Publication | undefined {
    return this.#whole.publication();
  }

  /** Returns the newest revision that was looked at, even if it changed nothing that travels; -1 before the first. */
  revision(): number {
    return this.#revision;
  }

  /** Returns the hash of an entity in the newest version; undefined when it does not travel. */
  entityHash(entityType: string, entityId: string): string | undefined {
    const plural = this.#schemas.entities.find(({ name }) => name === entityType)?.plural;
    if (plural === undefined) return undefined;
    return this.#history.newest()?.entities.get(entityKey(plural, entityId))?.hash;
  }

  /** Returns the faults of stored entities that are withheld from nodes, because every node would reject them. */
  withheld(): readonly EntityFault[] {
    return this.#withheld;
  }

  /** Returns the class of a node; undefined when there are too many classes. Each `join` needs its `leave`. */
  join(hello: Pick<Hello__Output, 'version' | 'plugins' | 'entityKinds'>): ServedClass | undefined {
    const compatibility = compatibilityOf(hello, this.#schemas);
    let found = this.#classes.get(compatibility.key);
    if (found === undefined) {
      if (this.#classes.size >= classesMax) return undefined;
      found = new NodeClass(compatibility, this.#history);
      this.#classes.set(found.key, found);
      // The hashes of a new class are computed by the next run.
      this.#changed();
    } else {
      found.holders.hold();
    }
    return found;
  }

  leave({ key }: ServedClass): void {
    const nodeClass = this.#classes.get(key);
    if (nodeClass?.holders.release() === true) this.#classes.delete(key);
  }

  /**
   * Calls the listener after each revision that was looked at; `changed` says whether the version of any class changed.
   * Returns the function that ends it.
   */
  onRevision(listener: (changed: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends it after the version under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#mirror.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  #changed(): void {
    this.#dirty = true;
    this.#schedule(Math.max(0, this.#lastStartMs + this.#coalesceMs - performance.now()));
  }

  #schedule(waitMs: number): void {
    if (this.#stopped || this.#running !== undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        if (this.#dirty) this.#schedule(Math.max(0, this.#lastStartMs + this.#coalesceMs - performance.now()));
      });
    }, waitMs);
  }

  async #run(): Promise<void> {
    this.#dirty = false;
    this.#lastStartMs = performance.now();
    try {
      await this.#follow();
    } catch (error) {
      this.#logger.error('publish_failed', 'The configuration could not be read; the next try follows', {
        error: stackOf(error),
      });
      // The caller's `finally` schedules the next run.
      this.#dirty = true;
      this.#lastStartMs = performance.now() + retryMs - this.#coalesceMs;
    }
  }

  #tellWithheld(faults: readonly EntityFault[]): void {
    const isNews = canonicalJson(faults) !== canonicalJson(this.#withheld);
    this.#withheld = faults;
    if (!isNews || faults.length === 0) return;
    this.#logger.warn(
      'entities_withheld',
      'Stored entities are withheld from nodes, as if they were disabled: no node can resolve their references',
      { faults: faults.slice(0, 20), faultCount: faults.length },
    );
  }

  async #follow(): Promise<void> {
    const state = await this.#mirror.update();
    this.#tellWithheld(this.#mirror.withheld());
    const faults = danglingReferences(state, this.#schemas.entities);
    if (faults.length > 0) {
      // The version before stays published until a later change mends the reference.
      this.#logger.error(
        'config_dangling',
        'The configuration is not published: it refers to entities that do not exist',
        {
          revision: state.revision,
          faults: faults.slice(0, 20),
          faultCount: faults.length,
        },
      );
      return;
    }
    this.#history.push(state);
    const version = this.#history.newest();
    if (version === undefined) return;
    let changed = false;
    for (const nodeClass of this.#classes.values()) changed = (await nodeClass.advance(version)) || changed;
    if (this.#stopped) return;
    const latest = this.latest();
    if (changed && latest?.revision === state.revision) {
      this.#logger.info('config_published', 'A new configuration was published', {
        hash: latest.hash,
        revision: latest.revision,
        entities: latest.entityCount,
      });
    }
    this.#revision = state.revision;
    for (const listener of this.#listeners) listener(changed);
  }
}
