import type { Logger } from '../../shared/log.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { parseTry, type TryRequest } from '../../shared/try-request.ts';
import { withinTime } from '../../shared/within-time.ts';
import { recognise } from '../plugin-api/authentication.ts';
import type { Answer } from '../plugin-api/exchange.ts';
import { dropIdentityHeaders } from '../plugin-api/identity-headers.ts';
import { answerOfFailure, plainAnswer } from '../plugin-api/standard-answers.ts';
import type { RouteMatch } from '../router/route.ts';
import type { BuiltRuntime } from '../runtime/route-compiler.ts';
import type { RuntimeHolder } from '../runtime/runtime-holder.ts';
import { type ChainStep, compareSteps, type RoutePlan } from '../runtime/runtime.ts';
import { matchReasons, refusalText } from './match-reasons.ts';
import { TrialExchange } from './trial-exchange.ts';
import { answerView, recordViews } from './trial-view.ts';
import { makeUnsaved, type UnsavedDeps, type UnsavedPlugin } from './unsaved-plugin.ts';

export interface TrialDeps extends UnsavedDeps {
  readonly holder: Pick<RuntimeHolder, 'enter' | 'leave'>;
  readonly requestBodyMaxBytes: number;
  readonly logger: Logger;
}

/** Trials of a node that run at once. */
const trialsMax = 2;
/** Time limit of a trial. */
const trialMs = 5_000;
/** Bound of the answer as JSON, in bytes. */
export const trialBytesMax = 256 * 1024;

/** Runs a sample request and returns what it would do, as the Admin API answers it. Never rejects. */
export type RunTrial = (input: unknown) => Promise<TrialResult>;

export interface TrialResult {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Makes the function that tries requests: match, plugins, Lua and encoding run, nothing is sent and nothing counts. */
export function createTrials(deps: TrialDeps): RunTrial {
  let running = 0;
  return async (input) => {
    const parsed = parseTry(isRecord(input) ? input : {});
    if (parsed.kind === 'faults') {
      const [first] = parsed.faults;
      const message = `${first?.path.join('.') ?? ''}: ${first?.message ?? ''}`;
      return refused(400, `schema violation (${message})`);
    }
    if (running >= trialsMax) return refused(429, `The node runs ${trialsMax} trials already; try again`);
    running += 1;
    const run = trial(deps, parsed.request).finally(() => (running -= 1));
    return withinTime(run, trialMs, () => refused(504, `The trial took longer than ${trialMs / 1_000} s`));
  };
}

function refused(status: number, message: string): TrialResult {
  return { status, body: { message } };
}

async function trial(deps: TrialDeps, request: TryRequest): Promise<TrialResult> {
  const lease = deps.holder.enter();
  if (lease === undefined) return refused(503, 'The node has no configuration yet');
  let unsaved: Extract<UnsavedPlugin, { kind: 'made' }> | undefined;
  try {
    if (request.plugin !== undefined) {
      const made = await makeUnsaved(request.plugin, deps);
      if (made.kind === 'faults') {
        return { status: 400, body: { message: 'The plugin has faults', faults: made.faults } };
      }
      unsaved = made;
    }
    const run = new TrialRun(deps, lease.runtime, request, unsaved);
    const body = await run.result();
    const result = { status: 200, body };
    return JSON.stringify(body).length <= trialBytesMax ? result : refused(413, 'The answer is larger than 256 KiB');
  } catch (error) {
    deps.logger.error('internal_error', 'A trial failed', { error: String(error) });
    return refused(500, 'An unexpected error occurred; see the log of the node');
  } finally {
    unsaved?.close();
    deps.holder.leave(lease);
  }
}

interface StepView {
  readonly plugin: string;
  readonly plugin_id: string | null;
  readonly priority: number;
  readonly did: 'went on' | 'answered' | 'refused' | 'skipped' | 'not reached';
  readonly note?: string;
}

/** One sample request on its way through a runtime. */
class TrialRun {
  readonly #deps: TrialDeps;
  readonly #runtime: BuiltRuntime;
  readonly #request: TryRequest;
  readonly #unsaved: Extract<UnsavedPlugin, { kind: 'made' }> | undefined;
  readonly #exchange: TrialExchange;
  readonly #steps: StepView[] = [];
  readonly #ran: ChainStep[] = [];

  constructor(
    deps: TrialDeps,
    runtime: BuiltRuntime,
    request: TryRequest,
    unsaved: Extract<UnsavedPlugin, { kind: 'made' }> | undefined,
  ) {
    this.#deps = deps;
    this.#runtime = runtime;
    this.#request = request;
    this.#unsaved = unsaved;
    this.#exchange = new TrialExchange(request, { bodyBytesMax: deps.requestBodyMaxBytes, timeMs: trialMs });
  }

  async result(): Promise<Record<string, unknown>> {
    const exchange = this.#exchange;
    dropIdentityHeaders(exchange.headers);
    const found = this.#runtime.router.match(exchange);
    const head = { configuration_hash: this.#runtime.hash };
    if (found === undefined) {
      const answer = plainAnswer(exchange, 404, 'no Route matched with those values');
      return {
        ...head,
        route: null,
        why: this.#whyNot(),
        steps: [],
        records: [],
        answer: answerView(answer),
        forward: null,
      };
    }
    const { value: plan } = found;
    exchange.route = { ...plan.route, captures: found.captures() };
    if (!this.#standIn()) return { ...head, ...this.#told(found), ...this.#unknownConsumer() };
    const answer = await this.#responsePhase(await this.#access(plan, this.#chainOf(plan)));
    return {
      ...head,
      ...this.#told(found),
      steps: this.#steps,
      ...recordViews(exchange.records),
      answer: answer === undefined ? null : answerView(answer),
      forward: answer === undefined ? forwardView(plan) : null,
      notes: this.#unsaved?.notes() ?? [],
    };
  }

  #told(found: RouteMatch<RoutePlan>): object {
    const { id, name, serviceId, serviceName } = found.value.route;
    const entity = [...this.#runtime.routes.keys()].find((route) => route.id === id);
    return {
      route: { id, name, service: serviceId === null ? null : { id: serviceId, name: serviceName } },
      why: entity === undefined ? [] : matchReasons(entity, found, this.#exchange),
    };
  }

  /** Lets the named consumer stand in for authentication. Returns false when it is not known. */
  #standIn(): boolean {
    const { asConsumer } = this.#request;
    if (asConsumer === undefined) return true;
    const consumer = this.#deps.pluginDeps.credentials.consumer(asConsumer);
    if (consumer === undefined) return false;
    recognise(this.#exchange, consumer, { id: '', name: 'as_consumer' });
    return true;
  }

  #unknownConsumer(): object {
    const message = `The node knows no consumer '${this.#request.asConsumer ?? ''}'`;
    return { steps: [], records: [], answer: null, forward: null, notes: [message] };
  }

  #chainOf(plan: RoutePlan): readonly ChainStep[] {
    const { consumer } = this.#exchange;
    const { steps } = consumer === undefined ? plan.chain : plan.chainFor(consumer.id);
    const unsaved = this.#unsaved?.step;
    if (unsaved === undefined) return steps;
    return [...steps.filter(({ plugin }) => plugin !== unsaved.plugin), unsaved].sort(compareSteps);
  }

  /** Runs the access phases. Returns the first answer; undefined when the request would go to its service. */
  async #access(plan: RoutePlan, first: readonly ChainStep[]): Promise<Answer | undefined> {
    const done = new Set<string>();
    let steps = first;
    let answer: Answer | undefined;
    for (let next = steps[0]; next !== undefined; next = steps.find(({ plugin }) => !done.has(plugin))) {
      done.add(next.plugin);
      const skipped = this.#skipReason(next);
      if (skipped !== undefined) this.#note(next, 'skipped', skipped);
      else if (answer !== undefined) this.#note(next, 'not reached');
      else {
        answer = await this.#step(next);
        // A step may have recognised a consumer, whose own plugins then take over.
        if (answer === undefined && this.#exchange.consumer !== undefined) steps = this.#chainOf(plan);
      }
    }
    if (answer === undefined && plan.forward === null) {
      return plainAnswer(this.#exchange, 503, 'no Service found with those values');
    }
    return answer;
  }

  /** Says why a plugin does not run in this trial; undefined when it does. */
  #skipReason({ plugin, protocols }: ChainStep): string | undefined {
    const { asConsumer } = this.#request;
    const { protocol } = this.#exchange;
    if (protocols !== null && !protocols.has(protocol)) return `it does not run for ${protocol}`;
    if (asConsumer !== undefined && this.#isAuthentication(plugin)) return `the consumer '${asConsumer}' stands in`;
    const isTriable = this.#deps.plugins[plugin]?.isTriable === true;
    return isTriable ? undefined : 'it counts or sends, so that it does not run in a trial';
  }

  async #step(step: ChainStep): Promise<Answer | undefined> {
    const exchange = this.#exchange;
    this.#ran.push(step);
    try {
      const answer = await step.instance.access?.(exchange);
      const refusal = answer?.result?.error;
      if (answer === undefined) this.#note(step, 'went on');
      else if (refusal !== undefined) this.#note(step, 'refused', refusalText(refusal));
      else this.#note(step, 'answered');
      return answer;
    } catch (error) {
      this.#note(step, 'refused', refusalText(error));
      return answerOfFailure(exchange, error, this.#deps.logger, false);
    }
  }

  async #responsePhase(answer: Answer | undefined): Promise<Answer | undefined> {
    let current = answer;
    for (const { instance } of this.#ran.toReversed()) {
      if (current !== undefined && instance.response !== undefined)
        current = await instance.response(this.#exchange, current);
    }
    return current;
  }

  #isAuthentication(plugin: string): boolean {
    return this.#deps.pluginSchemas[plugin]?.config.fields?.['anonymous'] !== undefined;
  }

  #note(step: ChainStep, did: StepView['did'], note?: string): undefined {
    const held = this.#runtime.held.find((one) => one.step === step);
    this.#steps.push({
      plugin: step.plugin,
      plugin_id: held?.plugin.id ?? null,
      priority: step.priority,
      did,
      ...(note === undefined ? {} : { note }),
    });
  }

  #whyNot(): string[] {
    const { method, path, host, protocol } = this.#exchange;
    return [`none of ${this.#runtime.routes.size} routes takes ${protocol} ${method} ${path} of host ${host}`];
  }
}

function forwardView({ forward, route }: RoutePlan): object | null {
  return forward === null ? null : { service: { id: route.serviceId, name: route.serviceName } };
}
