/**
 * Makes a test whether a number is a multiple of the divisor. Both count as the decimal numbers that their shortest texts
 * write, so that 0.07 is a multiple of 0.01, and no quotient can overflow.
 */
export function multipleOf(divisor: number): (value: number) => boolean {
  const by = decimalOf(divisor);
  return (value) => {
    if (Number.isSafeInteger(value) && Number.isSafeInteger(divisor)) return value % divisor === 0;
    if (!Number.isFinite(value)) return false;
    const { digits, exponent } = decimalOf(value);
    const common = Math.min(exponent, by.exponent);
    return (digits * 10n ** BigInt(exponent - common)) % (by.digits * 10n ** BigInt(by.exponent - common)) === 0n;
  };
}

/** A finite number as digits × 10^exponent. Doubles have no more than 17 digits, and exponents within ±342. */
function decimalOf(value: number): { readonly digits: bigint; readonly exponent: number } {
  const [, whole = '0', fraction = '', exponent = '0'] =
    /^(-?\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}
