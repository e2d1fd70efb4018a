/** A reference in the form in which Kong writes it: `{vault://NAME/RESOURCE}` or `{vault://NAME/RESOURCE/KEY}`. */
export interface VaultReference {
  /** The environment's variable. */
  readonly name: string;
  /** The member of the JSON object that the variable holds; undefined: the whole text. */
  readonly key: string | undefined;
}

export type ParsedReference =
  | { readonly kind: 'reference'; readonly reference: VaultReference }
  /** No node can resolve it, and why. */
  | { readonly kind: 'fault'; readonly message: string };

/** Tells whether the text is written as a reference to a vault; `parseReference` tells whether a node can resolve it. */
export function isReference(text: string): boolean {
  return text.startsWith('{vault://') && text.endsWith('}');
}
