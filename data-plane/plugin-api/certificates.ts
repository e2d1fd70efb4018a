/** The certificates of the configuration that a plugin is created from, by the ids of their entities. */
export interface Certificates {
  /** A certificate with its chain, and its key; PEM, references resolved, fitting each other. */
  pair(id: string): Found<{ readonly cert: string; readonly key: string }>;
  /** The certificate of an authority in PEM. */
  authority(id: string): Found<string>;
}

export type Found<T> =
  | { readonly kind: 'found'; readonly value: T }
  /** The message quotes no part of a certificate or a key. */
  | { readonly kind: 'fault'; readonly message: string };
