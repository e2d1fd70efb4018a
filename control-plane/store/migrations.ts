/**
 * The steps from an empty database to today's, in order; each runs once, in a transaction of its own. A step that was
 * released is never changed: a change is a new step at the end.
 *
 * Tables of entities hold the JSON document and, as columns, what the database itself checks: `id`, unique fields,
 * and `<field>_id` for references. Columns and documents are written together by the entity store.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value NOT NULL
  ) WITHOUT ROWID;
  INSERT INTO meta (name, value) VALUES ('revision', 0);

  CREATE TABLE services (
    id TEXT PRIMARY KEY,
    name TEXT UNIQUE,
    document TEXT NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE routes (
    id TEXT PRIMARY KEY,
    name TEXT UNIQUE,
    service_id TEXT REFERENCES services (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX routes_service ON routes (service_id, id);

  CREATE TABLE consumers (
    id TEXT PRIMARY KEY,
    username TEXT UNIQUE,
    custom_id TEXT UNIQUE,
    document TEXT NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE plugins (
    id TEXT PRIMARY KEY,
    instance_name TEXT UNIQUE,
    name TEXT NOT NULL,
    route_id TEXT REFERENCES routes (id),
    service_id TEXT REFERENCES services (id),
    consumer_id TEXT REFERENCES consumers (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX plugins_route ON plugins (route_id, id);
  CREATE INDEX plugins_service ON plugins (service_id, id);
  CREATE INDEX plugins_consumer ON plugins (consumer_id, id);
  -- One instance of a plugin for each combination of what it is bound to; nulls are equal here.
  CREATE UNIQUE INDEX plugins_binding
    ON plugins (name, ifnull(route_id, ''), ifnull(service_id, ''), ifnull(consumer_id, ''));

  CREATE TABLE entity_tags (
    tag TEXT NOT NULL,
    entity TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (tag, entity, id)
  ) WITHOUT ROWID;
  CREATE INDEX entity_tags_entity ON entity_tags (entity, id);
  `,
  `
  CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    last_seen_ms INTEGER NOT NULL,
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE certificates (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE ca_certificates (
    id TEXT PRIMARY KEY,
    cert_digest TEXT UNIQUE,
    document TEXT NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE snis (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    certificate_id TEXT NOT NULL REFERENCES certificates (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX snis_certificate ON snis (certificate_id, id);

  CREATE TABLE upstreams (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    client_certificate_id TEXT REFERENCES certificates (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX upstreams_client_certificate ON upstreams (client_certificate_id, id);

  CREATE TABLE targets (
    id TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    upstream_id TEXT NOT NULL REFERENCES upstreams (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX targets_upstream ON targets (upstream_id, id);
  CREATE UNIQUE INDEX targets_target ON targets (target, upstream_id);

  CREATE TABLE keyauth_credentials (
    id TEXT PRIMARY KEY,
    key TEXT UNIQUE,
    consumer_id TEXT NOT NULL REFERENCES consumers (id),
    expires_at INTEGER,
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX keyauth_credentials_consumer ON keyauth_credentials (consumer_id, id);
  CREATE INDEX keyauth_credentials_expiry ON keyauth_credentials (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE jwt_secrets (
    id TEXT PRIMARY KEY,
    key TEXT UNIQUE,
    consumer_id TEXT NOT NULL REFERENCES consumers (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX jwt_secrets_consumer ON jwt_secrets (consumer_id, id);

  ALTER TABLE services ADD COLUMN client_certificate_id TEXT REFERENCES certificates (id);
  CREATE INDEX services_client_certificate ON services (client_certificate_id, id);
  `,
  `
  CREATE TABLE audit_objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    document TEXT NOT NULL
  );
  CREATE INDEX audit_objects_at ON audit_objects (at_ms);
  `,
  `
  -- A random UUID (RFC 9562, version 4), for new databases and old ones.
  WITH random AS MATERIALIZED (SELECT lower(hex(randomblob(16))) AS digits)
  INSERT INTO meta (name, value) SELECT 'config_identity',
    substr(digits, 1, 8) || '-' || substr(digits, 9, 4) || '-4' || substr(digits, 14, 3) || '-8' ||
    substr(digits, 18, 3) || '-' || substr(digits, 21, 12)
  FROM random;
  -- Under this key the secrets are hashed that a read-only token sees.
  INSERT INTO meta (name, value) VALUES ('mask_key', lower(hex(randomblob(32))));
  `,
  `
  CREATE TABLE basicauth_credentials (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    consumer_id TEXT NOT NULL REFERENCES consumers (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX basicauth_credentials_consumer ON basicauth_credentials (consumer_id, id);

  CREATE TABLE hmacauth_credentials (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    consumer_id TEXT NOT NULL REFERENCES consumers (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX hmacauth_credentials_consumer ON hmacauth_credentials (consumer_id, id);

  CREATE TABLE acls (
    id TEXT PRIMARY KEY,
    "group" TEXT NOT NULL,
    consumer_id TEXT NOT NULL REFERENCES consumers (id),
    document TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX acls_consumer ON acls (consumer_id, id);
  -- The expression is that of the statement which looks for doubles: else it would read a whole group.
  CREATE UNIQUE INDEX acls_group ON acls ("group", ifnull(consumer_id, ''));
  `,
];
