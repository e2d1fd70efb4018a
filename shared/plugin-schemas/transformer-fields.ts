import { checkHeaderName } from '../schema/header-name.ts';
import { array, element, string } from '../schema/field.ts';

/** They frame a message: another value would let one message pass for two. */
const framing: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection', 'upgrade', 'te']);

function checkChangedHeader(name: string): string | undefined {
  if (framing.has(name.toLowerCase())) return `the header '${name}' frames messages and cannot be changed`;
  return checkHeaderName(name);
}

/** Splits `name:value` at the first colon; undefined where there is no name. */
export function splitPair(text: string): readonly [name: string, value: string] | undefined {
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

type Check = (text: string) => string | undefined;

/** Checks `name:value`, both parts on their own. */
function pairCheck(name: Check, value: Check): Check {
  return (text) => {
    const pair = splitPair(text);
    return pair === undefined ? "expected 'name:value'" : (name(pair[0]) ?? value(pair[1]));
  };
}

const anything: Check = () => undefined;

/** What headers may hold (RFC 9110 section 5.5). */
function checkHeaderValue(value: string): string | undefined {
  // oxlint-disable-next-line no-control-regex
  return /[\x00-\x08\x0a-\x1f\x7f]/.test(value) ? 'a header value has no control characters' : undefined;
}

function both(first: Check, second: Check): Check {
  return (text) => first(text) ?? second(text);
}

function list(check: Check, description: string) {
  return array(string({ ...element, check }), { required: true, default: [], description });
}

/** Lists of names, of `old:new` and of `name:value`; `value` checks the values. */
export const changeLists = {
  headerNames: (description: string) => list(checkChangedHeader, description),
  names: (description: string) => list(anything, description),
  headerRenames: (description: string) => list(pairCheck(checkChangedHeader, checkChangedHeader), description),
  renames: (description: string) =>
    list(
      pairCheck(anything, (to) => (to === '' ? "expected 'old:new'" : undefined)),
      description,
    ),
  headerPairs: (description: string, value: Check = anything) =>
    list(pairCheck(checkChangedHeader, both(checkHeaderValue, value)), description),
  pairs: (description: string, value: Check = anything) => list(pairCheck(anything, value), description),
};

/** A record of lists that is always there, as in Kong. */
export const lists = { required: true } as const;
