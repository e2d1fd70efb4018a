import type { ComponentChildren } from 'preact';
import { hrefOf } from '../navigation/location.ts';
import { type Counts, outcomes, type Outcome, type Step, type Traffic } from '../api/traffic.ts';
import { Chart, type ChartLine } from './chart.tsx';
import { millisecondsText } from './time.tsx';

const outcomeColors: Readonly<Record<Outcome, string>> = {
  acked: 'good',
  accepted: 'info',
  partial: 'plum',
  rejected: 'warn',
  not_sent: 'grey',
  unknown: 'bad',
};
const outcomeWords: Readonly<Record<Outcome, string>> = {
  acked: 'acked',
  accepted: 'accepted',
  partial: 'partial',
  rejected: 'rejected',
  not_sent: 'not sent',
  unknown: 'unknown',
};

/** Figures are rates of the last whole minute. */
const rateSteps = 6;

/** Records a second by outcome over the last 15 minutes, with the figures of the last minute. */
function TrafficChart({ traffic }: { readonly traffic: Traffic }) {
  const steps = wholeSteps(traffic);
  const times = steps.map(({ at }) => at);
  const lines = linesOf(steps, traffic.stepSeconds);
  const perSecond = recentRates(traffic);
  const summary = `Over the last 15 minutes: ${summaryOf(traffic.total)}.`;
  return (
    <>
      <dl class="figures">
        {lines.map(({ label, color }) => (
          <Figure key={label} label={label} color={color}>
            {rateText(perSecond.get(label) ?? 0)}
          </Figure>
        ))}
      </dl>
      <Chart times={times} lines={lines} summary={summary} format={axisText} />
    </>
  );
}

const measuredTimes = { latency: 'Time of an answer', produce: 'Time of Produce requests' } as const;

/** Records and times of the last 15 minutes side by side, and beside them what else a page shows. */
export function TrafficColumns({
  traffic,
  of,
  children,
}: {
  readonly traffic: Traffic;
  readonly of: 'latency' | 'produce';
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="columns">
      <div>
        <h3>Records a second, by outcome</h3>
        <TrafficChart traffic={traffic} />
      </div>
      <div>
        <h3>{measuredTimes[of]}</h3>
        <LatencyChart traffic={traffic} of={of} />
      </div>
      {children}
    </div>
  );
}

/** Time of answers (of Produce requests for a node): p50 and p99 over the last 15 minutes. */
function LatencyChart({ traffic, of }: { readonly traffic: Traffic; readonly of: 'latency' | 'produce' }) {
  const steps = wholeSteps(traffic);
  const total = traffic.total[of];
  const lines: readonly ChartLine[] = [
    { label: 'p50', color: 'water', values: steps.map((step) => step[of]?.p50Ms ?? null) },
    { label: 'p99', color: 'plum', values: steps.map((step) => step[of]?.p99Ms ?? null) },
  ];
  if (total === undefined) return <p class="quiet">Nothing was measured in the last 15 minutes.</p>;
  return (
    <>
      <dl class="figures">
        <Figure label="p50" color="water">
          {millisecondsText(total.p50Ms)}
        </Figure>
        <Figure label="p99" color="plum">
          {millisecondsText(total.p99Ms)}
        </Figure>
        {traffic.queue !== undefined && (
          <>
            <Figure label="queued records">{traffic.queue.records.toLocaleString()}</Figure>
            <Figure label="oldest queued">{millisecondsText(traffic.queue.oldestMs)}</Figure>
          </>
        )}
      </dl>
      <Chart
        times={steps.map(({ at }) => at)}
        lines={lines}
        summary={`Over the last 15 minutes half took at most ${millisecondsText(total.p50Ms)}, 99 of 100 at most ${millisecondsText(total.p99Ms)}.`}
        format={(value) => millisecondsText(value)}
      />
    </>
  );
}

function Figure({
  label,
  color,
  children,
}: {
  readonly label: string;
  readonly color?: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="figure">
      <dt>
        {color !== undefined && <span class={`dot line-${color}`} aria-hidden="true" />} {label}
      </dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Says of how many nodes the figures are, where that is not all. */
export function CountedNodes({ traffic: { nodesCounted, nodesConnected } }: { readonly traffic: Traffic }) {
  if (nodesCounted === nodesConnected) return null;
  return (
    <p class="quiet">
      {nodesCounted} of {nodesConnected} connected nodes tell their traffic; the others are of an older version.
    </p>
  );
}

/** Answers by status and code, the most frequent first. Each share is a bar. */
export function CodeList({ counts }: { readonly counts: Counts }) {
  const codes = [...counts.codes].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  if (codes.length === 0) return <p class="quiet">No answer in the last 15 minutes.</p>;
  return (
    <ul class="bars">
      {codes.map(([code, count]) => (
        <li key={code}>
          <span>{code}</span>
          <span class="bar-frame" aria-hidden="true">
            <span
              class={`bar ${isGood(code) ? 'bar-good' : 'bar-bad'}`}
              style={{ width: share(count, counts.answers) }}
            />
          </span>
          <span class="bar-count">{count.toLocaleString()}</span>
        </li>
      ))}
    </ul>
  );
}

/** The busiest routes with their outcomes; each leads to its page. */
export function BusyRoutes({ traffic: { routes } }: { readonly traffic: Traffic }) {
  if (routes.length === 0) return <p class="quiet">No request in the last 15 minutes.</p>;
  return (
    <ul class="rows">
      {routes.slice(0, 8).map((route) => (
        <li key={route.id} class="row">
          <span class="row-main">
            {route.name === undefined && !/^[0-9a-f-]{36}$/.test(route.id) ? (
              <strong>{route.id === 'unmatched' ? 'no route' : 'other routes'}</strong>
            ) : (
              <a href={hrefOf(`/routes/${route.id}`)}>{route.name ?? route.id}</a>
            )}
            <span class="row-detail">{summaryOf(route)}</span>
          </span>
          <span class="row-end">
            {route.latency === undefined ? '' : `p99 ${millisecondsText(route.latency.p99Ms)}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Tells counts in words: `1,204 answers: 1,200 acked, 4 rejected`. */
export function summaryOf({ answers, records }: Counts): string {
  const told = outcomes.flatMap((outcome) => {
    const count = records.get(outcome) ?? 0;
    return count === 0 ? [] : [`${count.toLocaleString()} ${outcomeWords[outcome]}`];
  });
  const all = `${answers.toLocaleString()} ${answers === 1 ? 'answer' : 'answers'}`;
  return told.length === 0 ? all : `${all}: ${told.join(', ')}`;
}

/** The newest step is not over: it would look like a fall. */
function wholeSteps({ steps }: Traffic): readonly Step[] {
  return steps.slice(0, -1);
}

function linesOf(steps: readonly Step[], stepSeconds: number): readonly ChartLine[] {
  const seen = outcomes.filter(
    (outcome) => outcome === 'acked' || steps.some(({ records }) => (records.get(outcome) ?? 0) > 0),
  );
  return seen.map((outcome) => ({
    label: outcomeWords[outcome],
    color: outcomeColors[outcome],
    values: steps.map(({ records }) => (records.get(outcome) ?? 0) / stepSeconds),
  }));
}

function recentRates(traffic: Traffic): ReadonlyMap<string, number> {
  const recent = wholeSteps(traffic).slice(-rateSteps);
  const seconds = Math.max(1, recent.length) * traffic.stepSeconds;
  return new Map(
    outcomes.map((outcome) => [
      outcomeWords[outcome],
      recent.reduce((sum, { records }) => sum + (records.get(outcome) ?? 0), 0) / seconds,
    ]),
  );
}

function rateText(perSecond: number): string {
  return `${perSecond.toLocaleString(undefined, { maximumFractionDigits: perSecond < 10 ? 1 : 0 })}/s`;
}

function axisText(value: number): string {
  return value.toLocaleString(undefined, { notation: 'compact', maximumFractionDigits: 1 });
}

function isGood(code: string): boolean {
  return /^[123]\d\d$/.test(code);
}

function share(count: number, all: number): string {
  return `${all === 0 ? 0 : Math.min(100, (count / all) * 100)}%`;
}
