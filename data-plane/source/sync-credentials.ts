import { createSecureContext } from 'node:tls';
import { credentials, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { sharedFault, type ClusterTls } from '../../shared/cluster-tls.ts';

export interface SyncCredentials {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** The name of the control plane in shared mode, where the certificate itself is compared instead of a name. */
const sharedName = 'sluice-cluster';

/** Makes the credentials for control planes. Without TLS the connection is in plaintext; settings allow that on loopback. */
export function syncCredentials(tls: ClusterTls | undefined): SyncCredentials {
  if (tls === undefined) return { credentials: credentials.createInsecure(), options: {} };
  const context = createSecureContext({
    cert: tls.certPem,
    key: tls.keyPem,
    ca: tls.trustedPem,
    minVersion: 'TLSv1.3',
  });
  const checkServerIdentity =
    tls.mode === 'pki'
      ? undefined
      : (_name: string, peer: Parameters<typeof sharedFault>[1]) => {
          const fault = sharedFault(tls, peer);
          return fault === undefined ? undefined : new Error(fault);
        };
  return {
    credentials: credentials.createFromSecureContext(context, checkServerIdentity && { checkServerIdentity }),
    // Without this option grpc-js would expect the address of the control plane as the name in its certificate.
    options: { 'grpc.ssl_target_name_override': tls.serverName ?? sharedName },
  };
}

/** The meaning of connection errors, by words in the messages of OpenSSL, Node.js and grpc-js. */
const meanings: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/certificate has expired/, 'The certificate of the control plane has expired'],
  [/certificate is not yet valid/, 'The certificate of the control plane is not valid yet'],
  [/altnames/, 'The certificate of the control plane does not bear cluster_server_name'],
  [/not the shared one|self-signed certificate|unable to verify|unable to get/, notTrusted()],
  [/certificate signature failure/, notTrusted()],
  [/wrong version number|packet length too long/, 'The control plane does not speak TLS here'],
];

function notTrusted(): string {
  return 'The certificate of the control plane is not trusted: it is not the shared one, or cluster_ca did not issue it';
}

/**
 * Turns the details of a gRPC status into words that an operator can act on. The same fault gets the same words each time,
 * so that it is logged once.
 */
export function readableReason(details: string): string {
  // These are the control plane's own words.
  if (!details.startsWith('No connection established')) return details;
  const meaning = meanings.find(([pattern]) => pattern.test(details))?.[1];
  if (meaning !== undefined) return meaning;
  // grpc-js names the time and nothing else when the other side closes at once.
  if (/Last error: Failed to connect \(/.test(details))
    return 'The connection was closed at once; is one side without TLS?';
  return details.replace(/ Resolution note: $/, '');
}
