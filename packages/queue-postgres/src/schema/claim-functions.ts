/** Handing recipients out. */
export const claimFunctions = `
-- What a worker needs of claimed recipients. Content comes with the first recipient of each message only.
CREATE FUNCTION @schema@.claimed_v1(p_ids bigint[], p_inline int) RETURNS TABLE (
  message text, "position" int, address text, domain text, attempts int, options text, tenant text, tag text,
  sender text, accepted bigint, expires bigint, size bigint, on_unknown text, envelope text, schedule text, crc bigint,
  ascii text, bytes bytea
) LANGUAGE sql STABLE AS $$
  -- Without settings of its own, so that it becomes a part of the caller's query, which keeps its plan.
  SELECT m.id::text, (r.id & 65535)::int, r.address, r.domain, r.attempts, r.options, m.tenant, m.tag, m.sender,
    m.accepted, m.expires, m.size, m.on_unknown, m.envelope, m.schedule, c.crc, c.ascii, c.bytes
  FROM (
    SELECT id, ord, row_number() OVER (PARTITION BY id >> 16 ORDER BY ord) = 1 AS first
    FROM unnest(p_ids) WITH ORDINALITY AS x(id, ord)
  ) u
  JOIN @schema@.recipient r ON r.id = u.id
  JOIN @schema@.message m ON m.id = u.id >> 16
  LEFT JOIN @schema@.content c ON c.message = u.id >> 16 AND c.n = 0 AND u.first AND m.size <= p_inline
  ORDER BY u.ord
$$;

-- Takes up to p_max due recipients of a site for a lease, from its lanes in turn; none of these is ready
-- before p_from. The caller holds the site's lock.
CREATE FUNCTION @schema@.take_v1(p_site text, p_from bigint, p_lease bigint, p_max int, p_log text[], t bigint)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  never constant bigint := 9007199254740991;
  l record;
  v_ids bigint[] := '{}';
  v_taken bigint[];
  v_floor bigint;
  v_next bigint;
BEGIN
  FOR l IN
    SELECT id, floor FROM lane WHERE site = p_site AND ready >= p_from AND ready < (t + 1) * 1000
    ORDER BY ready LIMIT 20
  LOOP
    -- An array of ids, not a join: the planner must not choose another way to one lane's few rows.
    WITH u AS (
      UPDATE recipient SET state = 1, lease = p_lease, attempts = attempts + 1
      WHERE id = ANY (ARRAY(
        SELECT r.id FROM recipient r
        WHERE r.lane = l.id AND r.state = 0 AND r.due <= t AND r.due >= l.floor
        ORDER BY r.due, r.id LIMIT p_max - cardinality(v_ids) FOR UPDATE SKIP LOCKED))
      RETURNING id, due, address, attempts
    ), e AS (
      INSERT INTO event (at, type, count, events)
        SELECT t, 'attempted', count(*),
          json_agg(json_build_array(m.id, u.id & 65535, m.tenant, m.tag, u.address, u.attempts, NULL, NULL))
        FROM (SELECT * FROM u ORDER BY due, id) u JOIN message m ON m.id = u.id >> 16
        WHERE m.expires > t AND (p_log IS NULL OR 'attempted' = ANY (p_log)) HAVING count(*) > 0
    ) SELECT coalesce(array_agg(id ORDER BY due, id), '{}'), max(due) INTO v_taken, v_floor FROM u;
    v_ids := v_ids || v_taken;
    -- What was skipped because somebody else has it locked is older than what was taken: the floor stays below it.
    SELECT r.due INTO v_next FROM recipient r
      WHERE r.lane = l.id AND r.state = 0 AND r.due >= l.floor ORDER BY r.due, r.id LIMIT 1;
    UPDATE lane SET floor = greatest(floor, least(coalesce(v_floor, floor), coalesce(v_next, v_floor, floor))),
        ready = CASE
          WHEN v_next IS NULL THEN never
          WHEN cardinality(v_taken) = 0 AND v_next <= t THEN (t + 1) * 1000
          ELSE greatest(v_next * 1000, t * 1000 + p_lease % 1000) END
      WHERE id = l.id;
    EXIT WHEN cardinality(v_ids) >= p_max;
  END LOOP;
  RETURN v_ids;
END $$;

-- Takes due recipients of the site whose turn it is, for each of those who ask in turn. A function, not one statement:
-- each statement in it sees what was committed before the site was locked, so that no wake-up is overwritten with older
-- knowledge. Looks at sites that are ready from p_from on; says from where on any are ready, or will be. It waits for
-- no lock, so it may hold those of several sites in whatever order.
CREATE FUNCTION @schema@.claim_v1(
  p_workers text[], p_max int[], p_lease_ms bigint[], p_from bigint, p_inline int, p_limits jsonb, p_log text[], p_now bigint
) RETURNS TABLE (
  claim_of int, claim_lease text, claim_site text, claim_now bigint, claim_from bigint, message text, "position" int, address text, domain text,
  attempts int, options text, tenant text, tag text, sender text, accepted bigint, expires bigint, size bigint,
  on_unknown text, envelope text, schedule text, crc bigint, ascii text, bytes bytea
) LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  never constant bigint := 9007199254740991;
  t bigint := time_v1(p_now);
  s site%ROWTYPE;
  v_limits jsonb;
  v_open int;
  v_expiry bigint;
  v_allowed int;
  v_granted int;
  v_lease bigint;
  v_ids bigint[];
  v_ready bigint;
  v_from bigint;
  n int := 1;
BEGIN
  -- Losing a claim to a crash only puts its recipients back.
  PERFORM set_config('synchronous_commit', 'off', true);
  -- Not of the site that is taken below: its place may be newer than the one where it was found. And not later than
  -- now: a site that is full or paused at this moment may have its turn before.
  SELECT ready INTO v_from FROM site WHERE NOT suspended AND ready >= p_from ORDER BY ready LIMIT 1;
  v_from := least(v_from, t * 1000);
  FOR i IN 1..200 * cardinality(p_workers) LOOP
    SELECT * INTO s FROM site WHERE NOT suspended AND ready >= p_from AND ready < (t + 1) * 1000
      ORDER BY ready LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN RETURN; END IF;
    v_limits := p_limits || coalesce(s.limits, '{}');
    -- A site that was left alone starts low again.
    IF t - s.used >= (v_limits ->> 'probeAfterMs')::bigint THEN
      s.concurrency := least(s.concurrency, (v_limits ->> 'startConcurrency')::float8);
    END IF;
    IF s.paused_until > t THEN
      UPDATE site SET ready = s.paused_until * 1000 WHERE name = s.name;
      CONTINUE;
    END IF;
    SELECT * INTO v_open, v_expiry FROM connections_v1(s.name, t);
    v_allowed := allowed_v1(s.concurrency, v_limits);
    IF v_open >= v_allowed THEN
      UPDATE site SET ready = greatest(v_expiry, t + 1) * 1000 WHERE name = s.name;
      CONTINUE;
    END IF;
    v_granted := p_max[n];
    IF v_limits -> 'rates' <> '[]' THEN
      SELECT * INTO v_granted, s.arrivals, v_ready FROM take_rates_v1(v_limits -> 'rates', s.arrivals, t, p_max[n]);
      IF v_granted < 1 THEN
        UPDATE site SET ready = greatest(v_ready, t + 1) * 1000 WHERE name = s.name;
        CONTINUE;
      END IF;
    END IF;
    INSERT INTO lease (site, worker, expires) VALUES (s.name, p_workers[n], t + p_lease_ms[n]) RETURNING id INTO v_lease;
    v_ids := take_v1(s.name, s.lanes_from, v_lease, v_granted, p_log, t);
    SELECT coalesce(min(l.ready), never) INTO v_ready FROM lane l WHERE l.site = s.name AND l.ready >= s.lanes_from;
    s.lanes_from := v_ready;
    IF cardinality(v_ids) = 0 THEN
      DELETE FROM lease WHERE id = v_lease;
      UPDATE site SET ready = greatest(v_ready, (t + 1) * 1000), lanes_from = s.lanes_from WHERE name = s.name;
      CONTINUE;
    END IF;
    IF v_ready < never THEN
      v_ready := greatest(v_ready, t * 1000 + v_lease % 1000);
      IF v_open + 1 >= v_allowed THEN
        v_ready := greatest(v_ready, least(coalesce(v_expiry, never / 1000), t + p_lease_ms[n]) * 1000);
      END IF;
    END IF;
    IF v_limits -> 'rates' <> '[]' THEN
      s.arrivals := add_arrivals_v1(v_limits -> 'rates', s.arrivals, cardinality(v_ids));
    END IF;
    UPDATE site SET ready = v_ready, concurrency = s.concurrency, used = t, lanes_from = s.lanes_from, arrivals = s.arrivals
      WHERE name = s.name;
    RETURN QUERY SELECT n - 1, v_lease::text, s.name, t, v_from, c.* FROM claimed_v1(v_ids, p_inline) c;
    n := n + 1;
    IF n > cardinality(p_workers) THEN RETURN; END IF;
    t := time_v1(p_now);
  END LOOP;
END $$;

-- Takes more for a lease that runs.
CREATE FUNCTION @schema@.claim_more_v1(
  p_lease bigint, p_max int, p_inline int, p_limits jsonb, p_log text[], p_now bigint
) RETURNS TABLE (
  claim_of int, claim_lease text, claim_site text, claim_now bigint, claim_from bigint, message text, "position" int, address text, domain text,
  attempts int, options text, tenant text, tag text, sender text, accepted bigint, expires bigint, size bigint,
  on_unknown text, envelope text, schedule text, crc bigint, ascii text, bytes bytea
) LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  t bigint;
  s site%ROWTYPE;
  v_limits jsonb;
  v_rate record;
  v_ids bigint[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO s FROM site WHERE name = (SELECT l.site FROM lease l WHERE l.id = p_lease) FOR UPDATE;
  t := time_v1(p_now);
  -- The lease may have been reaped while this waited for the lock.
  IF NOT FOUND OR s.suspended OR s.paused_until > t OR NOT EXISTS (SELECT FROM lease l WHERE l.id = p_lease) THEN
    RETURN;
  END IF;
  v_limits := p_limits || coalesce(s.limits, '{}');
  v_rate := take_rates_v1(v_limits -> 'rates', s.arrivals, t, p_max);
  IF v_rate.granted < 1 THEN RETURN; END IF;
  v_ids := take_v1(s.name, s.lanes_from, p_lease, v_rate.granted, p_log, t);
  UPDATE site SET used = t, arrivals = add_arrivals_v1(v_limits -> 'rates', v_rate.arrivals, cardinality(v_ids))
    WHERE name = s.name;
  RETURN QUERY SELECT 0, p_lease::text, s.name, t, 0::bigint, c.* FROM claimed_v1(v_ids, p_inline) c;
END $$;

-- Takes waiting recipients whose deadline has passed. They only leave the queue here, so no site need be locked.
CREATE FUNCTION @schema@.claim_overdue_v1(p_worker text, p_max int, p_lease_ms bigint, p_inline int, p_now bigint)
RETURNS TABLE (
  claim_of int, claim_lease text, claim_site text, claim_now bigint, claim_from bigint, message text, "position" int, address text, domain text,
  attempts int, options text, tenant text, tag text, sender text, accepted bigint, expires bigint, size bigint,
  on_unknown text, envelope text, schedule text, crc bigint, ascii text, bytes bytea
) LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  t constant bigint := time_v1(p_now);
  v_lease bigint;
  v_ids bigint[];
BEGIN
  IF NOT EXISTS (SELECT FROM recipient WHERE state = 0 AND deadline <= t) THEN RETURN; END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO lease (site, worker, expires) VALUES (NULL, p_worker, t + p_lease_ms) RETURNING id INTO v_lease;
  WITH u AS (
    UPDATE recipient SET state = 1, lease = v_lease
    WHERE id = ANY (ARRAY(
      SELECT r.id FROM recipient r WHERE r.state = 0 AND r.deadline <= t AND r.lane IS NOT NULL
      ORDER BY r.deadline LIMIT p_max FOR UPDATE SKIP LOCKED))
    RETURNING id
  ) SELECT array_agg(id ORDER BY id) INTO v_ids FROM u;
  IF v_ids IS NULL THEN
    DELETE FROM lease WHERE id = v_lease;
    RETURN;
  END IF;
  RETURN QUERY SELECT 0, v_lease::text, ''::text, t, 0::bigint, c.* FROM claimed_v1(v_ids, p_inline) c;
END $$;
`;
