/**
 * The tables, with `@schema@` where the schema's name goes.
 *
 * - Recipient `n` of message `m` has the id `m * 65536 + n`, so what belongs to a message lies together.
 * - The hot index is (lane, due, id) of what waits, never time alone.
 * - A lane, its recipients and the leases of its site are written only by who holds the site's row lock; several
 *   sites are locked in the order of their names. That makes caps exact, and deadlocks between sites impossible.
 * - Accepting only inserts: it touches no site, so an application's long transaction delays no other mail.
 * - Floors keep scans from walking over dead index entries that a long transaction elsewhere (a backup) keeps from
 *   being removed: no waiting recipient of a lane is due before `lane.floor`, no lane of a site is ready before
 *   `site.lanes_from`, and no statement sets a site's `ready` into the past, so workers need not look below what they saw
 *   lately.
 * - Moments are epoch milliseconds, but for `ready`, which is microseconds: it is also the place in the round.
 */
export const tables = `
CREATE TABLE @schema@.message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  staged smallint NOT NULL, -- 1: content comes in, 2: content without a message, 0: a message
  tenant text NOT NULL DEFAULT '',
  tag text,
  priority smallint NOT NULL DEFAULT 1, -- 0 high, 1 normal, 2 low
  idem_key text,
  idem_digest text,
  sender text NOT NULL DEFAULT '',
  accepted bigint NOT NULL,
  expires bigint NOT NULL DEFAULT 0,
  size bigint NOT NULL DEFAULT 0,
  on_unknown text NOT NULL DEFAULT 'retry',
  envelope text,
  schedule text,
  failed boolean NOT NULL DEFAULT false,
  finished bigint -- its content is deleted, or in the table kept; set some time after its last recipient
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE UNIQUE INDEX message_idem ON @schema@.message (tenant, idem_key) WHERE idem_key IS NOT NULL;
CREATE INDEX message_finished ON @schema@.message (failed, finished) WHERE finished IS NOT NULL;
CREATE INDEX message_staged ON @schema@.message (accepted) WHERE staged > 0;

CREATE TABLE @schema@.content (
  message bigint NOT NULL,
  n int NOT NULL,
  crc bigint NOT NULL,
  ascii text, -- what is ASCII without NUL, nearly all mail: the driver gets a bytea in hex, twice as long
  bytes bytea, -- all else
  PRIMARY KEY (message, n),
  CHECK ((ascii IS NULL) <> (bytes IS NULL))
);
ALTER TABLE @schema@.content ALTER ascii SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL;

CREATE TABLE @schema@.intake (message bigint PRIMARY KEY)
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Messages of which a recipient was finished, as one transaction wrote them down: the next purge finishes those that
-- have no other left. Two transactions with the last two of a message need not know of each other.
CREATE TABLE @schema@.ended (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, messages bigint[] NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE @schema@.site (
  name text COLLATE "C" PRIMARY KEY,
  ready bigint NOT NULL,
  suspended boolean NOT NULL DEFAULT false,
  note text,
  limits jsonb,
  concurrency float8,
  failed_cohorts float8 NOT NULL DEFAULT 0,
  paused_until bigint NOT NULL DEFAULT 0,
  pause_reason text,
  probing boolean NOT NULL DEFAULT false,
  throttles int NOT NULL DEFAULT 0,
  arrivals float8[] NOT NULL DEFAULT '{}',
  used bigint NOT NULL DEFAULT 0,
  lanes_from bigint NOT NULL DEFAULT 0, -- no lane of the site is ready before
  speed smallint NOT NULL DEFAULT 1, -- 0 fast, 1 new, 2 slow
  learned jsonb NOT NULL DEFAULT '{}' -- facts about its hosts, by name
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX site_ready ON @schema@.site (ready) WHERE NOT suspended;
CREATE INDEX site_fast ON @schema@.site (ready) WHERE NOT suspended AND speed = 0;

CREATE TABLE @schema@.lane (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site text COLLATE "C" NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  priority smallint NOT NULL DEFAULT 1,
  ready bigint NOT NULL,
  floor bigint NOT NULL DEFAULT 0,
  UNIQUE (site, tenant, priority)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX lane_ready ON @schema@.lane (site, ready);

CREATE TABLE @schema@.recipient (
  id bigint PRIMARY KEY,
  lane bigint,
  route text, -- the site, until the lane is known
  address text NOT NULL,
  domain text NOT NULL,
  state smallint NOT NULL DEFAULT 0,
  intent smallint NOT NULL DEFAULT 0,
  due bigint NOT NULL,
  deadline bigint NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  abandoned int NOT NULL DEFAULT 0,
  lease bigint,
  finished bigint,
  options text,
  detail text
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
-- Each for the statements that ask for its own column alone: one that had a choice would read all that waits for what
-- one lane holds, once statistics were taken while nothing waited.
CREATE INDEX recipient_due ON @schema@.recipient (lane, due, id) WHERE state = 0 AND due >= 0;
CREATE INDEX recipient_deadline ON @schema@.recipient (deadline) WHERE state = 0 AND deadline >= 0;
CREATE INDEX recipient_parked ON @schema@.recipient (state, id) WHERE state IN (2, 3);
CREATE INDEX recipient_lease ON @schema@.recipient (lease) WHERE lease IS NOT NULL;

CREATE TABLE @schema@.lease (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site text COLLATE "C", -- as in site: of another collation, its index would not be found by a site's name
  worker text NOT NULL,
  expires bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX lease_site ON @schema@.lease (site, expires);
CREATE INDEX lease_expires ON @schema@.lease (expires);

CREATE TABLE @schema@.alias (domain text PRIMARY KEY, site text NOT NULL, expires bigint NOT NULL);

-- Events of one type that one transaction wrote at a time, each an array of message, position, tenant, tag, address,
-- attempt, next attempt and detail.
CREATE TABLE @schema@.event (
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seq bigint GENERATED ALWAYS AS IDENTITY,
  at bigint NOT NULL,
  type text NOT NULL,
  count int NOT NULL,
  events json NOT NULL,
  PRIMARY KEY (tx, seq)
);
-- Finds where the story of a message begins; blocks lie nearly in the order of their moments.
CREATE INDEX event_at ON @schema@.event USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

CREATE TABLE @schema@.suppression (
  tenant text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  since bigint NOT NULL,
  detail text,
  PRIMARY KEY (tenant, address)
);

CREATE TABLE @schema@.record (
  collection text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  value text, -- NULL: deleted
  updated bigint NOT NULL,
  PRIMARY KEY (collection, key)
);
CREATE UNIQUE INDEX record_version_index ON @schema@.record (collection, version);
CREATE TABLE @schema@.record_version (n bigint NOT NULL);
INSERT INTO @schema@.record_version (n) VALUES (0);
`;
