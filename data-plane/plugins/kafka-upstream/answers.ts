import { STATUS_CODES } from 'node:http';
import { RequestError, errorKinds, type ErrorCode, type RequestErrorOptions } from '../../../shared/errors.ts';
import type { FailedVerdict, Verdict } from '../../kafka/producer-types.ts';
import type { Answer } from '../../plugin-api/exchange.ts';

export const jsonHeaders = ['content-type', 'application/json; charset=utf-8'] as const;
const accepted: Answer = {
  status: 200,
  headers: jsonHeaders,
  body: '{"message":"message sent","outcome":"accepted"}',
  result: { outcome: 'accepted' },
};

export interface AnswerOptions {
  /** The configured topic; any other was named by the request. */
  readonly topic: string;
  /** `error` of an answer is Kafka's name of the error. */
  readonly returnErrorName: boolean;
}

/**
 * Turns the verdicts on a request's records into its answer: that of one record when all are alike, else `partial` with
 * each record's own outcome. `requestId` is asked for only where it is shown. @throws RequestError when all failed alike.
 */
export type AnswerTo = (verdicts: readonly Verdict[], requestId: () => string) => Answer;

/** Compiles how verdicts become answers. */
export function compileAnswers(options: AnswerOptions): AnswerTo {
  return (verdicts, requestId) => {
    const acked = verdicts.filter((verdict) => verdict.outcome === 'acked');
    if (acked.length === verdicts.length) return success(acked);
    // The outcome of a failure depends on who named its topic, so failures are compared as they are answered.
    const failures = new Map(
      verdicts.filter(isFailed).map((verdict): [Verdict, RequestError] => [verdict, errorOfVerdict(verdict, options)]),
    );
    const outcomes = new Set(verdicts.map((verdict) => failures.get(verdict)?.outcome ?? verdict.outcome));
    if (outcomes.size > 1) return partial(verdicts, failures, requestId());
    if (failures.size === 0) return accepted;
    throw worstOf([...failures.values()]);
  };
}

type Acked = Extract<Verdict, { outcome: 'acked' }>;

function success(acked: readonly Acked[]): Answer {
  const [only] = acked;
  return {
    status: 200,
    headers: jsonHeaders,
    body: `{"message":"message sent","outcome":"acked","records":[${acked.map(ackedRecord).join(',')}]}`,
    result: only !== undefined && acked.length === 1 ? only : { outcome: 'acked' },
  };
}

/** Legal topic names and offsets need no escaping. */
function ackedRecord({ topic, partition, offset }: Acked): string {
  return `{"topic":"${topic}","partition":${partition},"offset":"${offset}"}`;
}

/** Returns the error that a verdict is answered with. */
export function errorOfVerdict(verdict: FailedVerdict, { topic, returnErrorName }: AnswerOptions): RequestError {
  const message = returnErrorName && verdict.kafkaName !== null ? verdict.kafkaName : verdict.message;
  const own = verdict.topic === topic ? {} : namedByRequest(verdict.code);
  return new RequestError(verdict.code, message, {
    outcome: verdict.outcome,
    topic: verdict.topic,
    ...own,
    ...(verdict.details === undefined ? {} : { details: verdict.details }),
  });
}

/** A topic that the request named is the client's mistake; the configured one is the operator's. */
function namedByRequest(code: ErrorCode): RequestErrorOptions {
  if (code === 'TOPIC_AUTHORIZATION_FAILED') return { status: 403, outcome: 'rejected', retryable: false };
  if (code === 'TOPIC_NOT_FOUND') return { status: 404, outcome: 'rejected', retryable: false };
  return {};
}

/** Never a status that is repeated blindly: a part of the records was written, or may have been. */
function partial(
  verdicts: readonly Verdict[],
  failures: ReadonlyMap<Verdict, RequestError>,
  requestId: string,
): Answer {
  const records = verdicts.map((verdict) => {
    if (!isFailed(verdict)) return verdict;
    const told = failures.get(verdict) ?? verdict;
    return { topic: verdict.topic, outcome: told.outcome, code: told.code };
  });
  return partialAnswer(requestId, 'records', records);
}

/** Makes the answer to a request whose records have different outcomes; `count`: how many they are, where they are many. */
export function partialAnswer(
  requestId: string,
  member: 'records' | 'results',
  outcomes: unknown,
  count?: number,
): Answer {
  const error = new RequestError('PARTIAL', `The records of the request have different outcomes; see \`${member}\`.`);
  const { status, code, outcome, retryable } = error;
  const body = JSON.stringify({
    message: STATUS_CODES[status],
    error: error.message,
    code,
    outcome,
    retryable,
    request_id: requestId,
    [member]: outcomes,
  });
  return { status, headers: jsonHeaders, body, result: { outcome, error, ...(count !== undefined && { count }) } };
}

/** Returns the error that stands for all: 504 first, because it leaves most open; then the highest of 5xx, then of 4xx. */
export function worstOf(failures: readonly RequestError[]): RequestError {
  const [first, ...rest] = failures;
  if (first === undefined) throw new RequestError('INTERNAL', 'No record was published.');
  const weight = ({ status }: RequestError): number => (status === errorKinds.DELIVERY_UNKNOWN.status ? 1000 : status);
  return rest.reduce((found, next) => (weight(next) > weight(found) ? next : found), first);
}

function isFailed(verdict: Verdict): verdict is FailedVerdict {
  return verdict.outcome !== 'acked' && verdict.outcome !== 'accepted';
}
