/** The place of a chart in pixels, with the margins around its lines. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

type Values = readonly (number | null)[];

const steps = [1, 2, 2.5, 5, 10];
/** Lines of the grid above zero, at most. */
const ticksMax = 4;
const secondsBetweenTimes = 300;

/** Returns the end of the scale above all values, and round values along it. */
export function scaleOf(lines: readonly Values[]): { readonly max: number; readonly ticks: readonly number[] } {
  const highest = Math.max(0, ...lines.flat().map((value) => value ?? 0));
  if (highest === 0) return { max: 1, ticks: [0, 1] };
  const magnitude = 10 ** Math.floor(Math.log10(highest / ticksMax));
  const step = (steps.find((one) => one * magnitude * ticksMax >= highest) ?? 10) * magnitude;
  const count = Math.ceil(highest / step);
  return { max: count * step, ticks: Array.from({ length: count + 1 }, (_one, index) => index * step) };
}

/** Returns the indexes of the times at whole five minutes. */
export function timeTicks(times: readonly number[]): readonly number[] {
  return times.flatMap((time, index) =>
    time % secondsBetweenTimes < 10 && index > 2 && index < times.length - 2 ? [index] : [],
  );
}

/** Returns a line through the values; it is broken where there is none. */
export function pathOf(values: Values, max: number, frame: Frame): string {
  let isOpen = false;
  const parts = values.map((value, index) => {
    if (value === null) {
      isOpen = false;
      return '';
    }
    const command = isOpen ? 'L' : 'M';
    isOpen = true;
    // A value alone would draw nothing: it becomes a dot by its round ends.
    const isAlone = command === 'M' && (values[index + 1] ?? null) === null;
    return `${command}${place(index, value, values.length, max, frame)}${isAlone ? 'h0.01' : ''}`;
  });
  return parts.join('');
}

/** Returns the area between a line without gaps and zero. */
export function areaOf(values: Values, max: number, frame: Frame): string {
  if (values.length === 0) return '';
  const known = values.map((value) => value ?? 0);
  const first = place(0, 0, values.length, max, frame);
  const last = place(values.length - 1, 0, values.length, max, frame);
  return `M${first}L${pathOf(known, max, frame).slice(1)}L${last}Z`;
}

function place(index: number, value: number, count: number, max: number, frame: Frame): string {
  const { width, height, left, right, top, bottom } = frame;
  const x = left + (index / Math.max(1, count - 1)) * (width - left - right);
  const y = height - bottom - (value / max) * (height - top - bottom);
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
