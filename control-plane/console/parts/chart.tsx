import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { areaOf, pathOf, scaleOf, timeTicks, type Frame } from './chart-scale.ts';

export interface ChartLine {
  readonly label: string;
  /** Name of a colour in tokens.css, such as `good`. */
  readonly color: string;
  /** Null: nothing was measured. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  /** Seconds since 1970, one for each value. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  /** Says in one sentence what is seen, for those who do not see it. */
  readonly summary: string;
  readonly format: (value: number) => string;
}

const heightPx = 190;
const left = 56;
const bottom = 22;
const top = 8;
const right = 8;
/** Before the first measurement of the place. */
const widthGuessPx = 600;

/** Lines over time; whoever draws it names them. Below it stand the values where the pointer is. */
export function Chart({ times, lines, summary, format }: ChartProps) {
  const figure = useRef<HTMLElement>(null);
  const width = useSignal(widthGuessPx);
  const pointed = useSignal<number | undefined>(undefined);
  useEffect(() => {
    const element = figure.current;
    if (element === null) return undefined;
    const resized = new ResizeObserver(() => (width.value = Math.max(200, element.clientWidth)));
    resized.observe(element);
    return () => resized.disconnect();
  }, []);
  const frame: Frame = { width: width.value, height: heightPx, left, right, top, bottom };
  const { max, ticks } = scaleOf(lines.map(({ values }) => values));
  const y = (value: number): number => heightPx - bottom - (value / max) * (heightPx - bottom - top);
  const x = (index: number): number => left + (index / Math.max(1, times.length - 1)) * (width.value - left - right);
  const point = (event: PointerEvent): void => {
    const box = figure.current?.getBoundingClientRect();
    if (box === undefined) return;
    const share = (event.clientX - box.left - left) / (width.value - left - right);
    pointed.value = Math.min(times.length - 1, Math.max(0, Math.round(share * (times.length - 1))));
  };
  const at = pointed.value === undefined ? undefined : times[pointed.value];
  return (
    <figure ref={figure} class="chart" onPointerMove={point} onPointerLeave={() => (pointed.value = undefined)}>
      <svg role="img" aria-label={summary} width={width.value} height={heightPx}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="chart-grid" x1={left} x2={width.value - right} y1={y(tick)} y2={y(tick)} />
            <text class="chart-text" x={left - 8} y={y(tick) + 4} text-anchor="end">
              {format(tick)}
            </text>
          </g>
        ))}
        {timeTicks(times).map((index) => (
          <text key={index} class="chart-text" x={x(index)} y={heightPx - 5} text-anchor="middle">
            {clock(times[index] ?? 0)}
          </text>
        ))}
        {lines.length === 1 && (
          <path class={`area-${lines[0]?.color ?? ''}`} d={areaOf(lines[0]?.values ?? [], max, frame)} />
        )}
        {lines.map(({ label, color, values }) => (
          <path key={label} class={`chart-line stroke-${color}`} d={pathOf(values, max, frame)} />
        ))}
        {pointed.value !== undefined && (
          <line class="chart-pointer" x1={x(pointed.value)} x2={x(pointed.value)} y1={top} y2={heightPx - bottom} />
        )}
      </svg>
      <figcaption class="legend">
        {at !== undefined && <strong>{clock(at, true)}</strong>}
        {(at === undefined ? [] : lines).map(({ label, color, values }) => {
          const value = pointed.value === undefined ? undefined : values[pointed.value];
          return (
            <span key={label} class="nowrap">
              <span class={`dot line-${color}`} aria-hidden="true" /> {label}
              {value !== undefined && <strong> {value === null ? '–' : format(value)}</strong>}
            </span>
          );
        })}
      </figcaption>
    </figure>
  );
}

function clock(seconds: number, withSeconds = false): string {
  return new Date(seconds * 1_000).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    ...(withSeconds ? { second: '2-digit' } : {}),
  });
}
