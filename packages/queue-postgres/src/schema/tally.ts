/**
 * How many recipients are in each state, and how many wait at each place, so that statistics need not count rows.
 *
 * Counting waits for no lock: each statement adds its changes as rows of `tally`, which are summed up in `tally_sum`
 * once a second. The counts of a new message are in its row of `intake` until it is routed, so that accepting
 * writes no further row.
 */
export const tally = `
-- place: where a queued recipient waits: its site or, while that is not known, its domain; '' for other states.
CREATE TABLE @schema@.tally (place text COLLATE "C" NOT NULL, state smallint NOT NULL, n bigint NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE TABLE @schema@.tally_sum (
  place text COLLATE "C" NOT NULL, state smallint NOT NULL, n bigint NOT NULL, PRIMARY KEY (place, state)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE @schema@.intake ADD places text[], ADD counts int[];

CREATE FUNCTION @schema@.place_v1(p_site text, p_route text, p_domain text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE coalesce(p_site, p_route) WHEN '' THEN p_domain ELSE coalesce(p_site, p_route) END
$$;

-- Counts what one statement has changed.
CREATE FUNCTION @schema@.tally_v1() RETURNS trigger LANGUAGE plpgsql SET search_path = @schema@, pg_temp AS $$
BEGIN
  INSERT INTO tally (place, state, n)
    SELECT CASE c.state WHEN 0 THEN place_v1(l.site, c.route, c.domain) ELSE '' END, c.state, sum(c.n)
    FROM (
      SELECT lane, route, CASE WHEN state = 0 THEN domain END AS domain, state, sum(x.n) AS n FROM (
        SELECT lane, route, domain, state, -1 AS n FROM old_rows WHERE state < 4
        UNION ALL SELECT lane, route, domain, state, 1 FROM new_rows WHERE state < 4
      ) x GROUP BY 1, 2, 3, 4 HAVING sum(x.n) <> 0
    ) c LEFT JOIN lane l ON l.id = c.lane GROUP BY 1, 2 HAVING sum(c.n) <> 0;
  RETURN NULL;
END $$;

-- Sums up to p_max rows of the tally; returns how many. Only one session does so at a time; the others return at once.
CREATE FUNCTION @schema@.sum_tally_v1(p_max int) RETURNS int LANGUAGE plpgsql SET search_path = @schema@, pg_temp AS $$
DECLARE
  v_count int;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('mb.tally'), hashtext(current_schema())) THEN RETURN 0; END IF;
  WITH gone AS (
    DELETE FROM tally WHERE ctid = ANY (ARRAY(SELECT ctid FROM tally LIMIT p_max)) RETURNING place, state, n
  ), summed AS (
    INSERT INTO tally_sum (place, state, n) SELECT place, state, sum(n) FROM gone GROUP BY 1, 2 HAVING sum(n) <> 0
      ON CONFLICT (place, state) DO UPDATE SET n = tally_sum.n + excluded.n
  ) SELECT count(*) INTO v_count FROM gone;
  RETURN v_count;
END $$;

-- From here on, writes to recipients wait until this migration is committed.
CREATE TRIGGER recipient_tally AFTER UPDATE ON @schema@.recipient
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION @schema@.tally_v1();
UPDATE @schema@.intake i SET (places, counts) = (
  SELECT array_agg(x.place), array_agg(x.n) FROM (
    SELECT @schema@.place_v1(l.site, r.route, r.domain) AS place, count(*) AS n
    FROM @schema@.recipient r LEFT JOIN @schema@.lane l ON l.id = r.lane
    WHERE r.id >= i.message * 65536 AND r.id < (i.message + 1) * 65536 GROUP BY 1
  ) x);
INSERT INTO @schema@.tally (place, state, n)
  SELECT CASE r.state WHEN 0 THEN @schema@.place_v1(l.site, r.route, r.domain) ELSE '' END, r.state, count(*)
  FROM @schema@.recipient r LEFT JOIN @schema@.lane l ON l.id = r.lane WHERE r.state < 4 GROUP BY 1, 2
  UNION ALL SELECT c.place, 0, -sum(c.n) FROM @schema@.intake i, unnest(i.places, i.counts) AS c(place, n) GROUP BY 1;
`;
