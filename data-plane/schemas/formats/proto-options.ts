import type { FeatureScope, ProtoFeatures } from './proto-file.ts';
import type { ProtoTokens } from './proto-tokens.ts';

/** The options that decide how a value is written; all others are read over. */
export interface ProtoOptions {
  packed?: boolean;
  json_name?: string;
  readonly features: FeatureScope;
}

const featureValues: Readonly<Record<keyof ProtoFeatures, readonly string[]>> = {
  field_presence: ['EXPLICIT', 'IMPLICIT', 'LEGACY_REQUIRED'],
  enum_type: ['OPEN', 'CLOSED'],
  repeated_field_encoding: ['PACKED', 'EXPANDED'],
  message_encoding: ['LENGTH_PREFIXED', 'DELIMITED'],
};

/** Reads `[name = value, …]` where there is one. */
export function readFieldOptions(tokens: ProtoTokens, around: FeatureScope): ProtoOptions {
  const options: ProtoOptions = { features: { around, own: {} } };
  if (!tokens.take('[')) return options;
  do readOption(tokens, options);
  while (tokens.take(','));
  tokens.expect(']');
  return options;
}

/** Reads `option name = value;` from behind the word; a feature is set on the scope. */
export function readOptionStatement(tokens: ProtoTokens, features: FeatureScope): void {
  readOption(tokens, { features });
  tokens.expect(';');
}

function readOption(tokens: ProtoTokens, options: ProtoOptions): void {
  const name = readOptionName(tokens);
  tokens.expect('=');
  if (name === 'json_name') options.json_name = tokens.string();
  else if (name === 'packed') options.packed = tokens.word() === 'true';
  else if (name === 'features') readFeatures(tokens, options);
  else if (name.startsWith('features.')) setFeature(options, name.slice('features.'.length), readScalar(tokens));
  else readScalar(tokens);
}

/** Reads `a.(b.c).d`. */
function readOptionName(tokens: ProtoTokens): string {
  let name = '';
  do {
    if (tokens.take('(')) {
      name += `(${tokens.path()}).`;
      tokens.expect(')');
    } else {
      name += `${tokens.word()}.`;
    }
  } while (tokens.take('.'));
  return name.slice(0, -1);
}

/** Reads an option's value; one in text format is read over to its closing brace. */
function readScalar(tokens: ProtoTokens): string {
  if (tokens.is('{')) {
    skipBlock(tokens);
    return '';
  }
  while (tokens.take('-') || tokens.take('+'));
  if (tokens.kind === 'string') return tokens.string();
  if (tokens.kind !== 'word' && tokens.kind !== 'number') tokens.fail('expected a value');
  const { text } = tokens;
  tokens.next();
  return text;
}

/** Reads from an opening brace to the one that closes it. */
export function skipBlock(tokens: ProtoTokens): void {
  let depth = 0;
  do {
    if (tokens.is('{')) depth++;
    else if (tokens.is('}')) depth--;
    else if (tokens.kind === 'end') tokens.fail("expected '}'");
    tokens.next();
  } while (depth > 0);
}

/** Reads `{ field_presence: IMPLICIT … }`. */
function readFeatures(tokens: ProtoTokens, options: ProtoOptions): void {
  tokens.expect('{');
  while (!tokens.take('}')) {
    if (tokens.take(',') || tokens.take(';')) continue;
    if (tokens.is('[')) {
      // Features of one language.
      while (!tokens.take(']')) tokens.next();
      tokens.take(':');
      skipBlock(tokens);
      continue;
    }
    const name = tokens.word();
    tokens.take(':');
    setFeature(options, name, readScalar(tokens));
  }
}

function setFeature({ features }: ProtoOptions, name: string, value: string): void {
  const known: Readonly<Record<string, readonly string[]>> = featureValues;
  if (Object.hasOwn(known, name) && known[name]?.includes(value)) features.own = { ...features.own, [name]: value };
}
