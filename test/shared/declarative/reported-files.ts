/** Declarative files from public reports and other people's clients, as they were written. */

/** The shape of an export of Kong's database. */
export const databaseExport = `_transform: false
_format_version: "3.0"
workspaces:
- id: 0d6f1f50-7a3c-4c4c-9a2f-3f7a4a1d0001
  name: default
  comment: ~
  config: ~
  meta: ~
  created_at: 1704773152
  updated_at: 1704773152
parameters:
- key: cluster_id
  value: 5a6cf1b2-98d1-4e0b-9d7b-0d6f1f500002
  created_at: ~
services:
- id: 11111111-7d1d-4736-9777-000000000001
  name: ingest
  ws_id: 0d6f1f50-7a3c-4c4c-9a2f-3f7a4a1d0001
  host: ingest.internal.example
  port: 80
  protocol: http
  path: ~
  retries: 5
  connect_timeout: 60000
  read_timeout: 60000
  write_timeout: 60000
  enabled: true
  tls_verify: ~
  tls_verify_depth: ~
  ca_certificates: ~
  client_certificate: ~
  tags: ~
  created_at: 1704773152
  updated_at: 1704773152
routes:
- id: 11111111-7d1d-4736-9777-000000000002
  name: ~
  ws_id: 0d6f1f50-7a3c-4c4c-9a2f-3f7a4a1d0001
  service: 11111111-7d1d-4736-9777-000000000001
  hosts: [events.example]
  paths: ~
  methods: ~
  headers: ~
  snis: ~
  sources: ~
  destinations: ~
  protocols: [http, https]
  strip_path: true
  preserve_host: false
  path_handling: v0
  regex_priority: 0
  request_buffering: true
  response_buffering: true
  https_redirect_status_code: 426
  tags: ~
  created_at: 1704773152
  updated_at: 1704773152
plugins:
- id: 11111111-7d1d-4736-9777-000000000003
  name: kafka-upstream
  instance_name: ~
  ws_id: 0d6f1f50-7a3c-4c4c-9a2f-3f7a4a1d0001
  route: 11111111-7d1d-4736-9777-000000000002
  service: ~
  consumer: ~
  consumer_group: ~
  ordering: ~
  enabled: true
  protocols: [grpc, grpcs, http, https]
  tags: ~
  created_at: 1704773152
  updated_at: 1704773152
  config:
    bootstrap_servers:
    - {host: kafka_broker, port: 9092}
    topic: events
    authentication: {strategy: ~, mechanism: ~, user: ~, password: ~, tokenauth: ~}
    security: {ssl: ~, certificate_id: ~}
    keepalive: 60000
    keepalive_enabled: false
    timeout: 10000
    cluster_name: zuSFFStcgpc13xYCdc6rZREGdnPqmGG8
    forward_method: false
    forward_uri: false
    forward_headers: false
    forward_body: true
    producer_async: false
    producer_async_flush_timeout: 1000
    producer_async_buffering_limits_messages_in_memory: 50000
    producer_request_acks: 1
    producer_request_timeout: 2000
    producer_request_limits_messages_per_request: 200
    producer_request_limits_bytes_per_request: 1048576
    producer_request_retries_max_attempts: 10
    producer_request_retries_backoff_timeout: 100
`;

/** decK replaces the templates before it sends the file. */
export const deckTemplates = `_format_version: "3.0"
_workspace: default
routes:
- name: r
  paths: [/r]
  plugins:
  - name: kafka-upstream
    config:
      topic: events
      bootstrap_servers: [{host: 127.0.0.1, port: 9092}]
      authentication:
        strategy: sasl
        mechanism: PLAIN
        user: \${{ env "DECK_KAFKA_USER" }}
        password: \${{ env "DECK_KAFKA_PASSWORD" }}
`;

/** decK tags what it writes and leaves everything alone that has not the tags. */
export const deckDefaults = `_format_version: "3.0"
_info:
  select_tags: [team-a]
  defaults:
    route: {strip_path: false, https_redirect_status_code: 301}
    service: {retries: 1, protocol: https}
services:
- name: svc
  host: svc.example
  routes:
  - {name: svc-r, paths: [/svc]}
`;

/** YAML reads a reference without quotes as a map. */
export const unquotedReferences = `_format_version: "3.0"
routes:
- name: r
  paths: [/r]
  plugins:
  - name: kafka-upstream
    config:
      topic: events
      bootstrap_servers: [{host: 127.0.0.1, port: 9092}]
      authentication:
        strategy: sasl
        mechanism: PLAIN
        user: {vault://env/kafka-user}
        password: {vault://env/kafka/password}
`;
