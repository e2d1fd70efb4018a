import type { Certificates } from '../../data-plane/plugin-api/certificates.ts';

const none = { kind: 'fault', message: 'there are no certificates here' } as const;

/** The certificates of a configuration that has none. */
export const noCertificates: Certificates = { pair: () => none, authority: () => none };
