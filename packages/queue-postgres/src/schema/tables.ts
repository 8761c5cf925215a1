/**
 * The tables, with `@schema@` in place of the schema's name.
 *
 * - Recipient `n` of message `m` has the id `m * 65536 + n`, so the recipients of a message are adjacent.
 * - The index that claims use is (lane, due, id) of waiting recipients, never time alone.
 * - A lane, its recipients and the leases of its site are written only while the row of the site is locked; several
 *   sites are locked in the order of their names. So caps are exact, and sites cannot deadlock.
 * - Accepting only inserts: it locks no site, so an application's long transaction delays no other mail.
 * - Floors let scans skip dead index entries, which cannot be removed while a long transaction runs elsewhere (a
 *   backup): no waiting recipient of a lane is due before `lane.floor`, no lane of a site is ready before
 *   `site.lanes_from`, and no statement sets a site's `ready` into the past, so workers need not scan below what they
 *   have seen recently.
 * - Times are epoch milliseconds, except `ready`, which is microseconds: it is also the order of turns.
 */
export const tables = `
CREATE TABLE @schema@.message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  staged smallint NOT NULL, -- 1: content being staged, 2: content without a message, 0: a message
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
  finished bigint -- set by a purge after the last recipient: the content is deleted, or listed in the table kept
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE UNIQUE INDEX message_idem ON @schema@.message (tenant, idem_key) WHERE idem_key IS NOT NULL;
CREATE INDEX message_finished ON @schema@.message (failed, finished) WHERE finished IS NOT NULL;
CREATE INDEX message_staged ON @schema@.message (accepted) WHERE staged > 0;

CREATE TABLE @schema@.content (
  message bigint NOT NULL,
  n int NOT NULL,
  crc bigint NOT NULL,
  ascii text, -- ASCII without NUL, as nearly all mail: the driver gets a bytea in hex, which is twice as long
  bytes bytea, -- other content
  PRIMARY KEY (message, n),
  CHECK ((ascii IS NULL) <> (bytes IS NULL))
);
ALTER TABLE @schema@.content ALTER ascii SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL;

CREATE TABLE @schema@.intake (message bigint PRIMARY KEY)
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Messages of which a transaction has finished a recipient; the next purge finishes those that have no open ones left.
-- So two transactions that finish the last two recipients of a message need not wait for each other.
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
  lanes_from bigint NOT NULL DEFAULT 0, -- no lane of the site is ready before this
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
-- The conditions due >= 0 and deadline >= 0 leave a statement only one index to choose. With a choice it would read all
-- waiting recipients instead of those of one lane, when statistics were taken while nothing waited.
CREATE INDEX recipient_due ON @schema@.recipient (lane, due, id) WHERE state = 0 AND due >= 0;
CREATE INDEX recipient_deadline ON @schema@.recipient (deadline) WHERE state = 0 AND deadline >= 0;
CREATE INDEX recipient_parked ON @schema@.recipient (state, id) WHERE state IN (2, 3);
CREATE INDEX recipient_lease ON @schema@.recipient (lease) WHERE lease IS NOT NULL;

CREATE TABLE @schema@.lease (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site text COLLATE "C", -- as in the table site: with another collation the index would not be used for a site's name
  worker text NOT NULL,
  expires bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX lease_site ON @schema@.lease (site, expires);
CREATE INDEX lease_expires ON @schema@.lease (expires);

CREATE TABLE @schema@.alias (domain text PRIMARY KEY, site text NOT NULL, expires bigint NOT NULL);

-- Blocks of events of one type that one statement wrote; each event is an array of message, position, tenant, tag,
-- address, attempt, next attempt and detail.
CREATE TABLE @schema@.event (
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seq bigint GENERATED ALWAYS AS IDENTITY,
  at bigint NOT NULL,
  type text NOT NULL,
  count int NOT NULL,
  events json NOT NULL,
  PRIMARY KEY (tx, seq)
);
-- Finds where the events of a message begin; blocks are nearly in the order of time.
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
