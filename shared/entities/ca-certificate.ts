import { string, type FieldFault, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { checkCertificate, parseCertificates } from './pem.ts';

export const caCertificateFields = {
  id: idField,
  ...timeFields,
  cert: string({ required: true, check: checkCertificate, description: 'One certificate of an authority, in PEM.' }),
  cert_digest: string({ unique: true, description: 'SHA-256 of the certificate in hex; made from it.' }),
  tags: tagsField,
} as const;

export type CaCertificate = InferFields<typeof caCertificateFields>;

export const caCertificateEntity: EntityDescriptor = {
  name: 'ca_certificate',
  plural: 'ca_certificates',
  key: 'id',
  fields: caCertificateFields,
  checks: [checkAuthority],
  expand: addDigest,
};

/**
 * Checks that there is one certificate, that it is an authority's, and that it was valid when the entity was made. An
 * entity whose certificate expired later stays loadable from an export and changeable in its other fields: whoever
 * checks a peer's certificate refuses an expired authority.
 */
function checkAuthority({ cert, created_at: createdAt }: Readonly<Record<string, unknown>>): FieldFault[] {
  const [authority, ...others] = (typeof cert === 'string' ? parseCertificates(cert) : undefined) ?? [];
  if (authority === undefined) return [];
  if (others.length > 0) return [{ path: [], message: 'please submit only one certificate at a time' }];
  const faults: FieldFault[] = [];
  const cameAtMs = typeof createdAt === 'number' ? createdAt * 1000 : Date.now();
  if (Date.parse(authority.validTo) < Math.min(cameAtMs, Date.now())) {
    faults.push({ path: [], message: 'certificate expired, "Not After" time is in the past' });
  }
  if (!authority.ca) {
    const message = 'certificate does not appear to be a CA because it is missing the "CA" basic constraint';
    faults.push({ path: [], message });
  }
  return faults;
}

/** The digest follows from the certificate, whatever the body says. */
function addDigest(body: Readonly<Record<string, unknown>>) {
  const { cert } = body;
  const authority = typeof cert === 'string' ? parseCertificates(cert)?.[0] : undefined;
  if (authority === undefined) return { body, faults: [] };
  const digest = authority.fingerprint256.replaceAll(':', '').toLowerCase();
  return { body: { ...body, cert_digest: digest }, faults: [] };
}
