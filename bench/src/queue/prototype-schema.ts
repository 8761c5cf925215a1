/** The tables, functions and statements that the design came from, with `@schema@` where the schema's name goes. */
export const TABLES = `
CREATE SCHEMA @schema@;
CREATE FUNCTION @schema@.ms() RETURNS bigint LANGUAGE sql VOLATILE AS
  'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint';
CREATE TABLE @schema@.message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sender text NOT NULL, body bytea NOT NULL);
ALTER TABLE @schema@.message ALTER body SET STORAGE EXTERNAL;
CREATE TABLE @schema@.site (
  name text PRIMARY KEY, ready bigint NOT NULL, cap int NOT NULL, ival_us bigint NOT NULL DEFAULT 0,
  burst int NOT NULL DEFAULT 1, tat_us bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX ON @schema@.site (ready);
CREATE TABLE @schema@.lane (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, site text NOT NULL UNIQUE, ready bigint NOT NULL,
  floor bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX ON @schema@.lane (site, ready);
CREATE TABLE @schema@.rcpt (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message bigint NOT NULL, lane bigint NOT NULL,
  addr text NOT NULL, state smallint NOT NULL DEFAULT 0, due bigint NOT NULL, attempts int NOT NULL DEFAULT 0,
  lease bigint, finished bigint, last text
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE INDEX ON @schema@.rcpt (lane, due, id) WHERE state = 0;
CREATE INDEX ON @schema@.rcpt (lease) WHERE lease IS NOT NULL;
CREATE INDEX ON @schema@.rcpt (message);
CREATE INDEX ON @schema@.rcpt (finished) WHERE finished IS NOT NULL;
CREATE TABLE @schema@.lease (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, site text NOT NULL, worker text NOT NULL, expires bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX ON @schema@.lease (site, expires);
CREATE INDEX ON @schema@.lease (expires);
`;

/**
 * Locks the site whose turn it is, counts its leases, advances its rate, takes rows of its lanes in turn. Every access
 * is by key: without the settings, the planner comes to read the messages of all runs for those of one lease.
 */
export const CLAIM = `
CREATE FUNCTION @schema@.claim(p_worker text, p_max int, p_lease_ms bigint)
RETURNS TABLE (lease bigint, site text, id bigint, message bigint, addr text, attempts int, sender text, body bytea)
LANGUAGE plpgsql SET search_path = @schema@, pg_temp SET enable_seqscan = off SET enable_hashjoin = off
  SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  never constant bigint := 9007199254740991;
  t bigint := ms();
  s site%ROWTYPE;
  ln record;
  v_open int;
  v_expiry bigint;
  v_lease bigint;
  v_max int;
  v_tat bigint;
  v_room bigint;
  v_taken int;
  v_got int;
  v_floor bigint;
  v_next bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR i IN 1..50 LOOP
    SELECT * INTO s FROM site WHERE ready <= t ORDER BY ready LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT count(*), min(l.expires) INTO v_open, v_expiry FROM lease l WHERE l.site = s.name;
    IF v_open >= s.cap THEN
      UPDATE site SET ready = coalesce(v_expiry, t + 60000) WHERE name = s.name;
      CONTINUE;
    END IF;
    v_max := p_max;
    v_tat := s.tat_us;
    IF s.ival_us > 0 THEN
      v_tat := greatest(v_tat, t * 1000);
      v_room := (t * 1000 + s.burst * s.ival_us - v_tat) / s.ival_us;
      IF v_room < 1 THEN
        UPDATE site SET ready = (v_tat - (s.burst - 1) * s.ival_us) / 1000 + 1 WHERE name = s.name;
        CONTINUE;
      END IF;
      v_max := least(v_max, v_room);
    END IF;
    INSERT INTO lease (site, worker, expires) VALUES (s.name, p_worker, t + p_lease_ms)
      RETURNING lease.id INTO v_lease;
    v_got := 0;
    FOR ln IN
      SELECT l.id, l.floor FROM lane l WHERE l.site = s.name AND l.ready <= t ORDER BY l.ready LIMIT 20
    LOOP
      WITH u AS (
        UPDATE rcpt SET state = 1, lease = v_lease, attempts = rcpt.attempts + 1 WHERE id = ANY (ARRAY(
          SELECT r.id FROM rcpt r WHERE r.lane = ln.id AND r.state = 0 AND r.due <= t AND r.due >= ln.floor
          ORDER BY r.due, r.id LIMIT v_max - v_got FOR UPDATE SKIP LOCKED))
        RETURNING due
      ) SELECT count(*), coalesce(max(due), ln.floor) INTO v_taken, v_floor FROM u;
      v_got := v_got + v_taken;
      SELECT r.due INTO v_next FROM rcpt r WHERE r.lane = ln.id AND r.state = 0 AND r.due >= v_floor
        ORDER BY r.due, r.id LIMIT 1;
      UPDATE lane SET floor = v_floor, ready = CASE WHEN v_next IS NULL THEN never WHEN v_next <= t
          THEN t + CASE WHEN v_taken = 0 THEN 1 ELSE 0 END ELSE v_next END
        WHERE id = ln.id;
      EXIT WHEN v_got >= v_max;
    END LOOP;
    SELECT coalesce(min(l.ready), never) INTO v_next FROM lane l WHERE l.site = s.name;
    IF v_got = 0 THEN
      DELETE FROM lease WHERE lease.id = v_lease;
      UPDATE site SET ready = greatest(v_next, t + 1) WHERE name = s.name;
      CONTINUE;
    END IF;
    v_next := greatest(v_next, CASE WHEN v_open + 1 >= s.cap
      THEN least(coalesce(v_expiry, never), t + p_lease_ms) ELSE t END);
    UPDATE site SET ready = v_next, tat_us = v_tat + v_got * s.ival_us WHERE name = s.name;
    RETURN QUERY SELECT v_lease, s.name, r.id, r.message, r.addr, r.attempts, m.sender, m.body
      FROM rcpt r JOIN message m ON m.id = r.message WHERE r.lease = v_lease ORDER BY r.message;
    RETURN;
  END LOOP;
END $$;
`;

/** Writes down that recipients of a lease were delivered, and ends the lease. */
export const SETTLE = `
CREATE FUNCTION @schema@.settle(p_lease bigint, p_site text, p_ids bigint[])
RETURNS int LANGUAGE plpgsql SET search_path = @schema@, pg_temp AS $$
DECLARE
  t bigint;
  v_count int;
  v_next bigint;
BEGIN
  PERFORM 1 FROM site WHERE name = p_site FOR UPDATE;
  t := ms();
  WITH d AS (
    UPDATE rcpt SET state = 2, lease = NULL, finished = t, last = '250'
    WHERE id = ANY (p_ids) AND (lease = p_lease OR state < 2) RETURNING 1
  ) SELECT count(*) INTO v_count FROM d;
  DELETE FROM lease WHERE id = p_lease;
  SELECT coalesce(min(ready), 9007199254740991) INTO v_next FROM lane WHERE site = p_site;
  UPDATE site SET ready = least(ready, v_next) WHERE name = p_site;
  RETURN v_count;
END $$;
`;
