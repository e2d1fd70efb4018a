import { isRecord } from '../../shared/schema/is-record.ts';

/** Lists of a data contract that hold rules for records. */
const ruleLists = ['domainRules', 'encodingRules'] as const;
/** Rules of these modes run when a record is written. */
const writeModes: ReadonlySet<unknown> = new Set(['WRITE', 'WRITEREAD']);

/**
 * Returns the rules of a schema's `ruleSet` that a producer must run, each as its name and type. Sluice runs none: a
 * record that a rule was to encrypt or refuse would be written as it came.
 */
export function producerRules(ruleSet: unknown): readonly string[] {
  if (!isRecord(ruleSet)) return [];
  const rules: string[] = [];
  for (const list of ruleLists) {
    const items: unknown = ruleSet[list];
    if (Array.isArray(items))
      for (const rule of items as readonly unknown[]) if (mustRun(rule)) rules.push(nameOf(rule));
  }
  return rules;
}

function mustRun(rule: unknown): rule is Readonly<Record<string, unknown>> {
  if (!isRecord(rule) || rule['disabled'] === true) return false;
  const mode = rule['mode'];
  return writeModes.has(typeof mode === 'string' ? mode.toUpperCase() : mode);
}

function nameOf({ name, type }: Readonly<Record<string, unknown>>): string {
  return `${typeof name === 'string' ? name : 'a rule without a name'} (${typeof type === 'string' ? type : 'no type'})`;
}
