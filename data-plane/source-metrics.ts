import { Gauge, type Registry } from 'prom-client';
import { exposeCertificateExpiry } from '../shared/certificate-expiry.ts';
import type { NodeSource } from './source/node-source.ts';

/** Exposes what a node's source tells in metrics: its connection, and when its certificate expires. */
export function exposeSource(registry: Registry, source: NodeSource): void {
  exposeCertificateExpiry(registry, { cluster_cert: source.certificateValidToMs });
  if (source.isConnected === undefined) return;
  const connected = new Gauge({
    name: 'sluice_control_plane_connected',
    help: '1 while the stream of a control plane is open, else 0',
    registers: [registry],
    collect() {
      connected.set(source.isConnected?.() === true ? 1 : 0);
    },
  });
}
