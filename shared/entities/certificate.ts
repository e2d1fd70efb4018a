import { allOrNone } from '../schema/checks.ts';
import { string, type FieldFault, type InferFields } from '../schema/field.ts';
import { isReference } from '../vault-reference.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { checkCertificate, checkPrivateKey, parseCertificates, parsePrivateKey } from './pem.ts';
import { sniEntity } from './sni.ts';

export const certificateFields = {
  id: idField,
  ...timeFields,
  cert: string({
    required: true,
    check: checkCertificate,
    referenceable: true,
    description: 'The certificate in PEM, its chain after it.',
  }),
  key: string({
    required: true,
    check: checkPrivateKey,
    referenceable: true,
    encrypted: true,
    description: 'The private key in PEM, without a passphrase.',
  }),
  cert_alt: string({
    check: checkCertificate,
    referenceable: true,
    description: 'A second certificate with a key of another type (RSA and ECDSA).',
  }),
  key_alt: string({
    check: checkPrivateKey,
    referenceable: true,
    encrypted: true,
    description: 'The private key of the second certificate.',
  }),
  tags: tagsField,
} as const;

export type Certificate = InferFields<typeof certificateFields>;

export const certificateEntity: EntityDescriptor = {
  name: 'certificate',
  plural: 'certificates',
  key: 'id',
  fields: certificateFields,
  checks: [allOrNone(['cert_alt', 'key_alt']), checkPairs],
  names: { field: 'snis', child: sniEntity, reference: 'certificate' },
};

/** Each key fits its certificate. What only a node can resolve is the node's to check. */
function checkPairs(record: Readonly<Record<string, unknown>>): FieldFault[] {
  const { cert, key, cert_alt: certAlt, key_alt: keyAlt } = record;
  const faults: FieldFault[] = [];
  if (!fits(cert, key)) faults.push({ path: [], message: 'certificate does not match key' });
  if (!fits(certAlt, keyAlt)) faults.push({ path: [], message: 'alternative certificate does not match key' });
  const type = keyType(cert);
  if (type !== undefined && type === keyType(certAlt)) {
    const message =
      'certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), ' +
      'the provided certificates were both of the same type';
    faults.push({ path: [], message });
  }
  return faults;
}

function fits(cert: unknown, key: unknown): boolean {
  if (!isPem(cert) || !isPem(key)) return true;
  const privateKey = parsePrivateKey(key);
  return privateKey === undefined || parseCertificates(cert)?.[0].checkPrivateKey(privateKey) !== false;
}

function keyType(cert: unknown): string | undefined {
  return isPem(cert) ? parseCertificates(cert)?.[0].publicKey.asymmetricKeyType : undefined;
}

function isPem(value: unknown): value is string {
  return typeof value === 'string' && !isReference(value);
}
