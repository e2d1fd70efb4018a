import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { RequestError } from '../../shared/errors.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import { type Chain, type ChainStep, compareSteps, emptyChain, type RoutePlan } from '../runtime/runtime.ts';
import type { RuntimeHolder, RuntimeLease } from '../runtime/runtime-holder.ts';
import type { Captures, RouteMatch } from '../router/route.ts';
import type { Forward } from '../forward/service-forward.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { RequestMetrics } from '../status/request-metrics.ts';
import type { RouteMeter } from '../status/route-meter.ts';
import { withAnswerHeader } from '../plugin-api/answer-headers.ts';
import { answerOfFailure, errorAnswer, plainAnswer } from '../plugin-api/standard-answers.ts';
import { dropIdentityHeaders } from '../plugin-api/identity-headers.ts';
import type { Answer, ExchangeRoute, OpenExchange } from '../plugin-api/exchange.ts';
import type { AccessLog } from './access-log.ts';
import { checkProtocol } from './protocol-check.ts';

export interface SpineDeps {
  readonly holder: RuntimeHolder;
  readonly metrics: RequestMetrics;
  readonly logger: Logger;
  readonly tracing?: Tracing | undefined;
  readonly accessLog?: AccessLog | undefined;
  /** Answers a request that no route takes, where the node itself has an answer (gRPC health checks). */
  readonly ownAnswer?: ((exchange: OpenExchange) => Answer | Promise<Answer> | undefined) | undefined;
  /** Adds Kong's X-Kong-Response-Latency header to answers that no service gave. */
  readonly latencyHeaders?: boolean;
  /** Sends a request that no plugin answered to the service of its route. */
  readonly forward: Forward;
}

export interface Spine {
  /** Sees a request through to its answer. Never throws. */
  readonly handle: (exchange: OpenExchange) => void;
  /** Whether a request that offers another protocol would go to a service that may take the offer. */
  readonly takesUpgrade: (exchange: OpenExchange) => boolean;
  /** Requests that are not answered yet. */
  inFlight(): number;
  /** From here on every new request, and every message of a gRPC call, is refused: SHUTTING_DOWN, not_sent. */
  refuse(): void;
  /** Answers every request that is not answered yet: SHUTTING_DOWN, not_sent. Only once no record can be sent any more. */
  refuseLeft(): void;
}

/** The spine of a request: match, access phase, response phase, answer, log phase. One runtime from start to end. */
export function createSpine(deps: SpineDeps): Spine {
  const inFlight = new Set<Passage>();
  const shared: SpineState = { ...deps, inFlight, isRefusing: false };
  return {
    handle: (exchange) => new Passage(exchange, shared).start(),
    takesUpgrade(exchange) {
      const forward = deps.holder.current?.router.match(exchange)?.value.forward;
      return forward?.service.to.kind === 'http';
    },
    inFlight: () => inFlight.size,
    refuse() {
      shared.isRefusing = true;
      for (const passage of inFlight) passage.endMessages();
    },
    refuseLeft() {
      for (const passage of inFlight) passage.refuse();
    },
  };
}

interface SpineState extends SpineDeps {
  readonly inFlight: Set<Passage>;
  isRefusing: boolean;
}

/** One request on its way down the spine. */
class Passage {
  readonly #exchange: OpenExchange;
  readonly #spine: SpineState;
  #lease: RuntimeLease | undefined = undefined;
  #meter: RouteMeter;
  #plan: RoutePlan | undefined = undefined;
  #found: RouteMatch<RoutePlan> | undefined = undefined;
  #chain: Chain = emptyChain;
  /** Steps whose access phase began, in order; kept only where a response phase needs them. */
  #ran: ChainStep[] | undefined = undefined;
  /** The header of the answer that names the trace; null: none. */
  #traceHeader: string | null = null;
  /** The access phase of a plugin that publishes has begun. */
  #mayHaveSent = false;

  constructor(exchange: OpenExchange, spine: SpineState) {
    this.#exchange = exchange;
    this.#spine = spine;
    this.#meter = spine.metrics.unmatched;
    if (spine.tracing !== undefined) exchange.span = spine.tracing.request(exchange);
  }

  start(): void {
    this.#spine.inFlight.add(this);
    let answer: Answer | Promise<Answer>;
    try {
      answer = this.#match() ?? this.#access(0);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (answer instanceof Promise) answer.then(this.#finish, this.#fail);
    else this.#finish(answer);
  }

  endMessages(): void {
    this.#exchange.endMessages?.();
  }

  refuse(): void {
    this.#finish(shuttingDown(this.#exchange));
  }

  /** Finds the route; an answer when there is none that takes the request. */
  #match(): Answer | Promise<Answer> | undefined {
    const exchange = this.#exchange;
    const { isRefusing, holder, ownAnswer } = this.#spine;
    if (isRefusing) return shuttingDown(exchange);
    this.#lease = holder.enter();
    if (this.#lease === undefined) {
      return ownAnswer?.(exchange) ?? plainAnswer(exchange, 503, 'no configuration yet', ['Retry-After', '1']);
    }
    dropIdentityHeaders(exchange.headers);
    const { router, unmatched } = this.#lease.runtime;
    const found = router.match(exchange);
    if (found === undefined) {
      // Its access phases do not run: this is the answer.
      this.#chain = unmatched;
      return ownAnswer?.(exchange) ?? plainAnswer(exchange, 404, 'no Route matched with those values');
    }
    const plan = found.value;
    this.#found = found;
    this.#plan = plan;
    this.#meter = plan.meter;
    this.#chain = plan.chain;
    this.#trace(plan.chain.tracer);
    exchange.route = found.hasCaptures ? withCaptures(plan.route, found) : plan.route;
    return checkProtocol(plan, exchange);
  }

  /** A plugin's spans take the place of the node's, whose span is dropped: it never ends. */
  #trace(tracer: ChainStep | undefined): void {
    const exchange = this.#exchange;
    const tracing = tracer?.instance.tracing;
    if (tracing === undefined) return;
    if (tracer !== undefined && tracer.protocols !== null && !tracer.protocols.has(exchange.protocol)) return;
    exchange.span = tracing.begin(exchange);
    this.#traceHeader = tracing.answerHeader;
  }

  /** Runs the access phases from a step on; the first answer ends it. */
  #access(from: number): Answer | Promise<Answer> {
    const exchange = this.#exchange;
    for (let index = from; ; index += 1) {
      const step = this.#chain.steps[index];
      if (step === undefined) return this.#unanswered();
      if (step.protocols !== null && !step.protocols.has(exchange.protocol)) continue;
      if (this.#chain.hasResponse) (this.#ran ??= []).push(step);
      const answer = step.publishes ? this.#publish(step) : step.instance.access?.(exchange);
      if (answer instanceof Promise) {
        return answer.then((late) => late ?? this.#access(this.#nextAfter(step, index)));
      }
      if (answer !== undefined) return answer;
      index = this.#nextAfter(step, index) - 1;
    }
  }

  /** Runs a plugin that publishes: once for the request, or for each message of a gRPC call. */
  #publish({ instance }: ChainStep): Answer | undefined | Promise<Answer | undefined> {
    this.#mayHaveSent = true;
    const exchange = this.#exchange;
    if (exchange.publishMessages === undefined) return instance.access?.(exchange);
    return exchange.publishMessages(async (message) => {
      try {
        return (await instance.access?.(message)) ?? plainAnswer(exchange, 503, 'no Service found with those values');
      } catch (error) {
        return answerOfFailure(exchange, error, this.#spine.logger, true);
      }
    });
  }

  /** Where to go on after a step: it may have recognised a consumer, whose own plugins then take over. */
  #nextAfter(step: ChainStep, index: number): number {
    const { consumer } = this.#exchange;
    if (consumer === undefined || this.#plan === undefined) return index + 1;
    const chain = this.#plan.chainFor(consumer.id);
    if (chain === this.#chain) return index + 1;
    this.#chain = chain;
    const next = chain.steps.findIndex((other) => compareSteps(step, other) < 0);
    return next === -1 ? chain.steps.length : next;
  }

  /** No plugin answered. */
  #unanswered(): Answer | Promise<Answer> {
    const exchange = this.#exchange;
    const forward = this.#plan?.forward;
    if (forward === undefined || forward === null) {
      return plainAnswer(exchange, 503, 'no Service found with those values');
    }
    const { service, stripPath, preserveHost } = forward;
    const strippedLength = stripPath ? (this.#found?.matchedLength() ?? 0) : 0;
    return this.#spine.forward(exchange, service, { strippedLength, preserveHost });
  }

  readonly #fail = (failure: unknown): void => {
    this.#finish(this.#failureAnswer(failure));
  };

  #failureAnswer(failure: unknown): Answer {
    return answerOfFailure(this.#exchange, failure, this.#spine.logger, this.#mayHaveSent);
  }

  readonly #finish = (answer: Answer): void => {
    // Answered before, when the node could wait no longer.
    if (!this.#spine.inFlight.has(this)) {
      dropUnsent(answer);
      return;
    }
    if (this.#ran === undefined) {
      this.#send(answer);
      return;
    }
    let responded: Answer | Promise<Answer>;
    try {
      responded = this.#respondPhase(this.#ran.toReversed(), answer);
    } catch (error) {
      responded = this.#failureAnswer(error);
    }
    if (responded instanceof Promise) {
      responded.then(this.#send, (error: unknown) => this.#send(this.#failureAnswer(error)));
    } else this.#send(responded);
  };

  readonly #send = (answer: Answer): void => {
    const exchange = this.#exchange;
    const { metrics, inFlight } = this.#spine;
    if (!inFlight.delete(this)) {
      dropUnsent(answer);
      return;
    }
    const traceId = this.#traceHeader === null ? undefined : exchange.span?.traceId;
    let sent = traceId === undefined ? answer : withAnswerHeader(answer, this.#traceHeader ?? '', traceId);
    if (this.#spine.latencyHeaders === true && exchange.upstreamLatencyMs === undefined) {
      sent = withLatency(exchange, sent);
    }
    if (exchange.clientGone) metrics.countClientGone();
    try {
      exchange.respond(sent);
    } catch (error) {
      sent = this.#failureAnswer(error);
      exchange.respond(sent);
    }
    this.#meter.count(sent.status, sent.result);
    exchange.span?.end(sent.status, exchange.route?.name ?? exchange.route?.id);
    this.#meter.observe((performance.now() - exchange.receivedAtMs) / 1000);
    metrics.countAnswered();
    this.#log(sent);
    if (this.#lease !== undefined) this.#spine.holder.leave(this.#lease);
  };

  /** In reverse, and only of those whose access phase began. */
  #respondPhase(steps: readonly ChainStep[], answer: Answer, from = 0): Answer | Promise<Answer> {
    let current = answer;
    for (let index = from; index < steps.length; index += 1) {
      const responded = steps[index]?.instance.response?.(this.#exchange, current) ?? current;
      if (responded instanceof Promise) return responded.then((late) => this.#respondPhase(steps, late, index + 1));
      current = responded;
    }
    return current;
  }

  #log(answer: Answer): void {
    const exchange = this.#exchange;
    for (const { instance, protocols } of this.#chain.loggers) {
      if (protocols !== null && !protocols.has(exchange.protocol)) continue;
      try {
        instance.log?.(exchange, answer);
      } catch (error) {
        this.#spine.logger.error('internal_error', 'A log phase failed', {
          error: stackOf(error),
        });
      }
    }
    this.#spine.accessLog?.(exchange, answer);
  }
}

/** Ends what an answer holds that nobody gets. */
function dropUnsent({ tunnel, body }: Answer): void {
  tunnel?.socket.destroy();
  if (body instanceof Readable) body.destroy();
}

function withLatency({ receivedAtMs }: OpenExchange, answer: Answer): Answer {
  const latency = String(Math.round(performance.now() - receivedAtMs));
  return { ...answer, headers: [...answer.headers, 'X-Kong-Response-Latency', latency] };
}

function shuttingDown(exchange: OpenExchange): Answer {
  return errorAnswer(exchange, new RequestError('SHUTTING_DOWN', 'The node is shutting down.'));
}

function withCaptures(route: ExchangeRoute, match: RouteMatch<RoutePlan>): ExchangeRoute {
  let captures: Captures | undefined;
  return {
    ...route,
    get captures() {
      return (captures ??= match.captures());
    },
  };
}
