import { createSecureContext } from 'node:tls';
import { credentials, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { sharedFault, type ClusterTls } from '../../shared/cluster-tls.ts';

export interface SyncCredentials {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** What stands for the name of the control plane where the certificate itself is compared. */
const sharedName = 'sluice-cluster';

/** How a node connects to control planes; without TLS in plaintext, which settings allow on loopback only. */
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
    // grpc-js would take the address of the control plane for its name.
    options: { 'grpc.ssl_target_name_override': tls.serverName ?? sharedName },
  };
}

/** What a connection that fails means, by words of OpenSSL, Node.js and grpc-js. */
const meanings: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/certificate has expired/, 'The certificate of the control plane has expired'],
  [/certificate is not yet valid/, 'The certificate of the control plane is not valid yet'],
  [/altnames/, 'The certificate of the control plane does not bear cluster_server_name'],
  [/not the shared one|self-signed certificate|unable to verify|unable to get/, notTrusted()],
  [/certificate signature failure/, notTrusted()],
  [/wrong version number|packet length too long/, 'The control plane does not speak TLS here'],
];

function notTrusted(): string {
  return 'The certificate of the control plane is not trusted: neither the shared one nor of cluster_ca';
}

/**
 * The details of a gRPC status in words that an operator can act on. The same fault has the same words each time, so
 * that it is logged once.
 */
export function readableReason(details: string): string {
  // What the control plane says itself is good as it is.
  if (!details.startsWith('No connection established')) return details;
  const meaning = meanings.find(([pattern]) => pattern.test(details))?.[1];
  if (meaning !== undefined) return meaning;
  // grpc-js puts the time into it, and says no more when the other side closes at once.
  if (/Last error: Failed to connect \(/.test(details))
    return 'The connection was closed at once; is one side without TLS?';
  return details.replace(/ Resolution note: $/, '');
}
