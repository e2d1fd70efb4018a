import { RequestError } from '../../../shared/errors.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';

type Encode = EncoderLease['encode'];
type Form = Readonly<Record<string, unknown>>;

/** A text of a form that does not fit the schema. */
interface Misfit {
  readonly pointer: string;
  readonly text: string;
}

/** The JSON that texts are written as in place of strings, by the pointers of the texts. */
type Readings = ReadonlyMap<string, string>;

const numberText = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

/**
 * The ways to read a text that does not fit as a string. Each returns JSON, or undefined where the text cannot be read so.
 * A number keeps its digits.
 */
const scalarReadings: readonly ((text: string) => string | undefined)[] = [
  (text) => (numberText.test(text) ? text : undefined),
  (text) => (text === 'true' || text === 'false' ? text : undefined),
];
const readings: typeof scalarReadings = [
  ...scalarReadings,
  ...[...scalarReadings, (text: string) => JSON.stringify(text)].map((read) => (text: string) => {
    const item = read(text);
    return item === undefined ? undefined : `[${item}]`;
  }),
];

/**
 * Encodes the object of a form's fields. A text that the schema refuses becomes the number, the boolean or the list of one
 * that the schema takes, where exactly one of these readings fits. The schema itself is asked, once for each reading of
 * all such texts together, so that any format and any union is judged as it judges JSON. A text that fits is never
 * touched.
 */
export function coercingText(encode: Encode): Encode {
  return (topic, jsonText, deadlineMs) => {
    const again = async (error: unknown): Promise<Buffer> => {
      const form = formOf(jsonText);
      const misfits = misfitsOf(form, error);
      if (misfits.length === 0) throw error;
      const trial = async (read: Readings): Promise<unknown> => {
        try {
          await encode(topic, written(form, read), deadlineMs);
          return null;
        } catch (refusal) {
          return refusal;
        }
      };
      return encode(topic, written(form, await fittingReadings(misfits, trial)), deadlineMs);
    };
    try {
      const encoded = encode(topic, jsonText, deadlineMs);
      return encoded instanceof Promise ? encoded.catch(again) : encoded;
    } catch (error) {
      return again(error);
    }
  };
}

/** Returns the one reading of each text that fits; a text with none or several stays as it is. */
async function fittingReadings(
  misfits: readonly Misfit[],
  trial: (readings: Readings) => Promise<unknown>,
): Promise<Readings> {
  const fitting = new Map<string, string[]>();
  for (const read of readings) {
    const tried = new Map<string, string>();
    for (const { pointer, text } of misfits) {
      const json = read(text);
      if (json !== undefined) tried.set(pointer, json);
    }
    if (tried.size === 0) continue;
    const faults = faultPointers(await trial(tried));
    for (const [pointer, json] of tried) {
      const fits = !faults.some((fault) => fault === pointer || fault.startsWith(`${pointer}/`));
      if (fits) fitting.set(pointer, [...(fitting.get(pointer) ?? []), json]);
    }
  }
  const chosen = new Map<string, string>();
  for (const [pointer, [only, ...more]] of fitting)
    if (only !== undefined && more.length === 0) chosen.set(pointer, only);
  return chosen;
}

/** Returns the texts that the refusal of a form names. @throws the refusal where it is none of data, or does not name all faults */
function misfitsOf(form: Form, error: unknown): Misfit[] {
  const pointers = faultPointers(error);
  const misfits = new Map<string, Misfit>();
  for (const fault of pointers) {
    const [, first, second] = fault.split('/');
    if (first === undefined) continue;
    const name = first.replaceAll('~1', '/').replaceAll('~0', '~');
    const value: unknown = Object.getOwnPropertyDescriptor(form, name)?.value;
    if (typeof value === 'string') {
      misfits.set(`/${first}`, { pointer: `/${first}`, text: value });
    } else if (Array.isArray(value) && second !== undefined) {
      const text: unknown = value[Number(second)];
      const pointer = `/${first}/${second}`;
      if (typeof text === 'string') misfits.set(pointer, { pointer, text });
    }
  }
  return [...misfits.values()];
}

/** Returns the places of all faults; none for null. @throws what is no refusal by the schema, and one that leaves faults out */
function faultPointers(error: unknown): readonly string[] {
  if (error === null) return [];
  const isRefusal = error instanceof RequestError && error.code === 'SCHEMA_VALIDATION_FAILED';
  if (!isRefusal || error.details === undefined || (error.detailsTotal ?? 0) > error.details.length) throw error;
  return error.details.map(({ pointer = '' }) => pointer);
}

function formOf(jsonText: string): Form {
  const form: unknown = JSON.parse(jsonText);
  return typeof form === 'object' && form !== null ? { ...form } : {};
}

/** Writes the form with some texts read otherwise. */
function written(form: Form, read: Readings): string {
  const pointerOf = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const members = Object.entries(form).map(([name, value]) => {
    const pointer = pointerOf(name);
    const json = Array.isArray(value)
      ? `[${value.map((item, index) => read.get(`${pointer}/${index}`) ?? JSON.stringify(item)).join(',')}]`
      : (read.get(pointer) ?? JSON.stringify(value));
    return `${JSON.stringify(name)}:${json}`;
  });
  return `{${members.join(',')}}`;
}
