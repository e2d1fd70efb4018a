import { roleGroups, setting } from './setting.ts';
import { addressList, between, boolean, count, labels, listener, text } from './setting-values.ts';

/** Settings of the stream between the planes. */
export const clusterSettings = {
  cluster_listen: setting({
    roles: roleGroups.controlPlane,
    default: '127.0.0.1:8005',
    parse: listener,
    description: 'gRPC for data planes; an address that is not loopback needs certificates',
  }),
  cluster_cert: setting({
    roles: roleGroups.cluster,
    default: undefined,
    parse: text,
    description: 'certificate file (PEM) for mTLS between the planes; with cluster_cert_key',
  }),
  cluster_cert_key: setting({
    roles: roleGroups.cluster,
    default: undefined,
    parse: text,
    description: 'key file (PEM) of cluster_cert',
  }),
  cluster_cert_next: setting({
    roles: roleGroups.cluster,
    default: undefined,
    parse: text,
    description: 'certificate file of a second pair that is trusted too, while pairs are changed',
  }),
  cluster_cert_key_next: setting({
    roles: roleGroups.cluster,
    default: undefined,
    parse: text,
    description: 'key file of cluster_cert_next',
  }),
  nodes_max: setting({
    roles: roleGroups.controlPlane,
    default: '10000',
    parse: between(count, 1, 1_000_000, '1 and 1000000'),
    description: 'data planes that are kept, connected and not; one more is refused',
  }),
  adopt_database: setting({
    roles: roleGroups.dataPlane,
    default: 'false',
    parse: boolean,
    description: 'take the configuration of another database than before',
  }),
  cluster_ca: setting({
    roles: roleGroups.cluster,
    default: undefined,
    parse: text,
    description: 'CA file (PEM) that peers must chain to, instead of one shared pair',
  }),
  cluster_server_name: setting({
    roles: roleGroups.cluster,
    default: undefined,
    parse: text,
    description: 'name that the certificate of the control plane must bear; with cluster_ca',
  }),
  control_plane: setting({
    roles: roleGroups.dataPlane,
    default: undefined,
    required: roleGroups.dataPlane,
    parse: addressList,
    description: 'host:port of the control plane; several, comma separated, are tried in turn',
  }),
  data_dir: setting({
    roles: roleGroups.dataPlane,
    default: './sluice-data/data-plane',
    parse: text,
    description: 'folder of the node id and the last good configuration',
  }),
  node_labels: setting({
    roles: roleGroups.dataPlane,
    default: undefined,
    parse: labels,
    description: 'key=value,key=value, shown by the control plane',
  }),
};
