const colors: Readonly<Record<string, string>> = {
  debug: '\u001b[2m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};
const dim = '\u001b[2m';
const reset = '\u001b[0m';
const hashCharacters = 12;

/**
 * Turns one JSON log line into one line for people: `07:23:34.763 INFO  [listening] admin listens on … what=admin`. Line
 * breaks inside of values are escaped, so that an event stays one line; hashes are cut to 12 characters.
 */
export function prettyLine(json: string, withColor: boolean): string {
  const { time, level, event, msg, ...fields } = parsed(json);
  const paint = (color: string | undefined, text: string) =>
    withColor && color !== undefined && text !== '' ? `${color}${text}${reset}` : text;
  const name = String(level);
  const rest = Object.entries(fields).map(([field, value]) => `${field}=${shown(value)}`);
  const head = `${clockTime(time)} ${paint(colors[name], name.toUpperCase().padEnd(5))} [${String(event)}] ${plain(String(msg))}`;
  return `${head}${rest.length === 0 ? '' : ` ${paint(dim, rest.join(' '))}`}\n`;
}

/** Says whether lines are coloured: only on a terminal, and not with NO_COLOR (https://no-color.org). */
export function wantsColor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && (env['NO_COLOR'] ?? '') === '';
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null ? { ...value } : { msg: value };
}

/** Local time, since people compare it with their clock. */
function clockTime(time: unknown): string {
  const at = new Date(String(time));
  const two = (part: number) => String(part).padStart(2, '0');
  const milliseconds = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`;
}

function shown(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? String(value);
  if (/^[0-9a-f]{32,}$/.test(value)) return value.slice(0, hashCharacters);
  return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value);
}

/** A message without line breaks and other control characters, which could also forge lines or colours. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
