/** A reference that a node can resolve. */
export interface VaultReference {
  /** The environment's variable. */
  readonly name: string;
  /** The member of the JSON object that the variable holds; undefined: the whole text. */
  readonly key: string | undefined;
}

export type ParsedReference =
  | { readonly kind: 'reference'; readonly reference: VaultReference }
  /** No node can resolve it. */
  | { readonly kind: 'fault'; readonly message: string };

/** Variables of this name hold Sluice's own settings, which may be secrets of the node. */
const ownPrefix = 'SLUICE_';

const variableName = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Tells whether the text is written as a reference to a vault; `parseReference` tells whether a node can resolve it. */
export function isReference(text: string): boolean {
  return text.startsWith('{vault://') && text.endsWith('}');
}

/** Reads `{vault://env/NAME}` and `{vault://env/NAME/KEY}`, the forms in which Kong names a variable and its member. */
export function parseReference(text: string): ParsedReference {
  const [vault = '', name = '', key, ...others] = text.slice('{vault://'.length, -1).split('/');
  if (vault !== 'env') return fault(`there is no vault '${vault}'`);
  if (!variableName.test(name)) return fault('it names no variable');
  if (key === '' || others.length > 0) return fault('it names no member of the variable');
  if (isOwnVariable(name)) return fault("it names a variable of Sluice's own settings");
  return { kind: 'reference', reference: { name, key } };
}

/** Returns the name of the variable that is read where none has the name itself: Kong's form, `my-name` as `MY_NAME`. */
export function upperCaseVariable(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

/** Tells whether the name, in either of its forms, is that of a variable of Sluice's own settings. */
export function isOwnVariable(name: string): boolean {
  return upperCaseVariable(name).startsWith(ownPrefix);
}

function fault(reason: string): ParsedReference {
  return {
    kind: 'fault',
    message: `cannot be resolved by any node: ${reason}; expected {vault://env/NAME} or {vault://env/NAME/KEY}`,
  };
}
