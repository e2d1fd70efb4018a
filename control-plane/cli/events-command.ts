import { setTimeout as delay } from 'node:timers/promises';
import { isRecord } from '../../shared/schema/is-record.ts';
import type { AdminFlags } from './admin-flags.ts';
import { callAdvice, replyAdvice } from './advice.ts';

export interface EventsFlags extends AdminFlags {
  readonly output: 'text' | 'json';
}

/** Pause before the stream is opened again. */
const retryMs = 2_000;
/** Bound of one event, in characters: more is no event of the control plane. */
const eventCharsMax = 1_000_000;

/** `sluice events`: a line for each change of a node's state, until a signal. Resolves to the exit code. */
export async function eventsCommand(flags: EventsFlags): Promise<number> {
  const end = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort());
  while (!end.signal.aborted) {
    try {
      const refused = await follow(flags, end.signal);
      if (refused !== undefined) {
        console.error(refused);
        return 1;
      }
    } catch (error) {
      if (end.signal.aborted) return 0;
      console.error(`${callAdvice(flags.admin, error)}\nTrying again in ${retryMs / 1_000} s.`);
    }
    await delay(retryMs, undefined, { signal: end.signal }).catch(() => undefined);
  }
  return 0;
}

/** Writes the events of one stream. Resolves when it ends, with a sentence when it was refused for good. */
async function follow({ admin, token, output }: EventsFlags, signal: AbortSignal): Promise<string | undefined> {
  const headers = token === undefined ? {} : { 'kong-admin-token': token };
  const response = await fetch(new URL('/clustering/events', admin), { headers, signal });
  if (response.status !== 200 || response.body === null) {
    if (response.status === 404) return `${admin} has no data planes: name a control plane with --admin.`;
    if (response.status === 503) throw new Error(await response.text());
    return replyAdvice(admin, { status: response.status, text: await response.text() });
  }
  let waiting = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const events = `${waiting}${text}`.split('\n\n');
    waiting = events.pop() ?? '';
    if (waiting.length > eventCharsMax) throw new Error('an event is too long');
    for (const event of events) tell(event, output);
  }
  return undefined;
}

function tell(event: string, output: EventsFlags['output']): void {
  const fields = new Map(
    event.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const [name, data] = [fields.get('event'), fields.get('data')];
  if (name === undefined || data === undefined) return;
  const value: unknown = JSON.parse(data);
  if (!isRecord(value)) return;
  if (output === 'json') console.log(JSON.stringify({ event: name, ...value }));
  else console.log(eventLine(name, value));
}

/** Writes an event as a line for people. */
export function eventLine(name: string, value: Readonly<Record<string, unknown>>): string {
  const text = (field: string): string => {
    const told = value[field];
    return typeof told === 'string' || typeof told === 'number' ? String(told) : '';
  };
  if (name === 'status') {
    const states = isRecord(value['states']) ? Object.entries(value['states']) : [];
    const told = states.filter(([, count]) => count !== 0).map(([state, count]) => `${String(count)} ${state}`);
    return `${text('connected')} of ${text('nodes')} nodes connected${told.length === 0 ? '' : `: ${told.join(', ')}`}`;
  }
  const at = new Date(Number(value['at'] ?? 0) * 1_000).toISOString();
  const hash = text('applied_hash').slice(0, 12);
  const node = text('hostname') === '' ? text('id') : text('hostname');
  return `${at}  ${node}  ${text('from')} → ${text('state')}${hash === '' ? '' : `  runs ${hash}`}`;
}
