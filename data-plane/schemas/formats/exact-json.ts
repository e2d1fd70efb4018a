import { parse as parseLossless } from 'lossless-json';

/** A number that a double might round, as its text. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A double holds numbers of up to this many characters without an exponent exactly. */
const exactDigitsMax = 15;

/** Finds a number that is long or has an exponent. It may also find one within a string, which only costs time. */
const inexactNumber = /(?:^|[:,[\s])-?(?:[0-9][0-9.]{15}|[0-9][0-9.]*[eE])/;

/** Returns true when JSON text may hold a number that JSON.parse rounds. */
export function mayRound(jsonText: string): boolean {
  return inexactNumber.test(jsonText);
}

/**
 * Parses JSON text like JSON.parse, but gives numbers that a double might round as `NumberText`. Many times slower.
 * The text may not nest deeply. @throws SyntaxError when it is not JSON.
 */
export function parseExactJson(jsonText: string): unknown {
  return parseLossless(jsonText, null, {
    parseNumber: (number) =>
      number.length > exactDigitsMax || /[eE]/.test(number) ? new NumberText(number) : Number(number),
    onDuplicateKey: ({ newValue }) => newValue,
  });
}

/** The reason why a text is not a decimal number of a scale. */
export type DecimalMisfit = 'syntax' | 'scale' | 'precision';

/**
 * A decimal number's text (JSON's syntax, exponents included) as the whole number of units of 10^-scale.
 * `digitsMax` bounds the digits of that number, and with them the work that a long exponent could cause.
 */
export function parseDecimal(text: string, scale: number, digitsMax: number): bigint | DecimalMisfit {
  const match = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
  if (match === null) return 'syntax';
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return 0n;
  const shift = Number(exponent) - fraction.length + scale;
  if (shift < 0) {
    // The digits behind the scale must all be zero.
    if (-shift >= digits.length || !/^0*$/.test(digits.slice(shift))) return 'scale';
    return limited(sign, digits.slice(0, shift), digitsMax);
  }
  if (digits.length + shift > digitsMax) return 'precision';
  return limited(sign, digits + '0'.repeat(shift), digitsMax);
}

function limited(sign: string | undefined, digits: string, digitsMax: number): bigint | DecimalMisfit {
  if (digits.length > digitsMax) return 'precision';
  return sign === '-' ? -BigInt(digits) : BigInt(digits);
}
