/**
 * Makes a test whether a number is a multiple of the divisor. Both count as the decimal numbers that their shortest texts
 * write, so that 0.07 is a multiple of 0.01, and no quotient can overflow.
 */
export function multipleOf(divisor: number): (value: number) => boolean {
  const by = decimalOf(divisor);
  const decimals = Math.max(0, -by.exponent);
  const unit = 10 ** decimals;
  const divisorUnits = Math.round(divisor * unit);
  const isPlain = decimals <= exactPowerMax && divisorUnits < exactUnitsMax;
  return (value) => {
    const scaled = value * unit;
    if (isPlain && scaled < exactUnitsMax && scaled > -exactUnitsMax) {
      const units = Math.round(scaled);
      // A value with more decimals than the divisor is no multiple of it.
      return units / unit === value && units % divisorUnits === 0;
    }
    if (!Number.isFinite(value)) return false;
    const { digits, exponent } = decimalOf(value);
    const common = Math.min(exponent, by.exponent);
    return (digits * 10n ** BigInt(exponent - common)) % (by.digits * 10n ** BigInt(by.exponent - common)) === 0n;
  };
}

/** A double holds powers of ten up to this one exactly. */
const exactPowerMax = 22;
/** Whole numbers below this are still found by rounding when a double's error has been added. */
const exactUnitsMax = 2 ** 50;

/** A finite number as digits × 10^exponent. Doubles have no more than 17 digits, and exponents within ±342. */
function decimalOf(value: number): { readonly digits: bigint; readonly exponent: number } {
  const [, whole = '0', fraction = '', exponent = '0'] =
    /^(-?\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}
