import { signal } from '@preact/signals';

/** The present time in milliseconds, renewed each second: ages grow while a page is open. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1_000);

const units = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3_600 },
  { name: 'min', seconds: 60 },
  { name: 's', seconds: 1 },
];

/** Returns a duration in its largest fitting unit: `3 min`. */
export function durationText(seconds: number): string {
  const unit = units.find((one) => seconds >= one.seconds) ?? { name: 's', seconds: 1 };
  return `${Math.floor(Math.max(0, seconds) / unit.seconds)} ${unit.name}`;
}

export function exactTime(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });
}

/** A time told relative to now, with the exact time on hover. `at`: seconds since 1970. */
export function Ago({ at }: { readonly at: number | undefined }) {
  if (at === undefined) return <span class="quiet">never</span>;
  const seconds = now.value / 1_000 - at;
  const text = seconds < -1 ? `in ${durationText(-seconds)}` : seconds < 1 ? 'now' : `${durationText(seconds)} ago`;
  return (
    <time dateTime={new Date(at * 1_000).toISOString()} title={exactTime(at)}>
      {text}
    </time>
  );
}

/** Returns milliseconds without digits that nobody needs: `0.4 ms`, `12 ms`. */
export function millisecondsText(ms: number): string {
  return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
}
