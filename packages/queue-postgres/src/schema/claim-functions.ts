/** Claims. */
export const claimFunctions = `
-- A claimed recipient with its message. Only the first recipient of each message in a claim has the content.
CREATE TYPE @schema@.claimed_row_v1 AS (
  claim_of int, claim_lease text, claim_site text, claim_speed int, claim_learned text, claim_now bigint,
  claim_from bigint, message text, "position" int, address text, domain text, own_site boolean, attempts int, options text,
  detail text, tenant text, tag text, sender text, accepted bigint,
  expires bigint, size bigint, on_unknown text, envelope text, schedule text, crc bigint, ascii text, bytes bytea
);

-- Picks up to p_max due recipients of a site for a lease, tenants in turn, and the lanes of each in the order of their
-- priority; returns also when a lane is ready next. No lane is ready before p_from. The caller holds the lock of the site,
-- and takes the picked recipients; it has picked p_picked before.
CREATE FUNCTION @schema@.pick_v1(
  p_site text, p_from bigint, p_lease bigint, p_max int, p_picked bigint[], t bigint, OUT ids bigint[], OUT next bigint
) LANGUAGE plpgsql AS $$
DECLARE
  never constant bigint := 9007199254740991;
  v_turn constant bigint := t * 1000 + p_lease % 1000;
  l record;
  k record;
  v_tenants text[] := '{}';
  v_left int := p_max;
  v_lanes int := 20;
  v_found bigint[];
  v_dues bigint[];
  v_ready bigint;
  n int;
BEGIN
  ids := '{}';
  next := never;
  -- A tenant has up to three lanes. One more is read, because it shows when the site is ready again.
  FOR l IN SELECT tenant, ready FROM lane WHERE site = p_site AND ready >= p_from ORDER BY ready LIMIT 3 * v_lanes + 1 LOOP
    IF l.ready >= (t + 1) * 1000 THEN
      next := least(next, l.ready);
      EXIT;
    END IF;
    CONTINUE WHEN l.tenant = ANY (v_tenants);
    IF v_left = 0 OR v_lanes = 0 THEN
      next := least(next, l.ready);
      EXIT;
    END IF;
    v_tenants := v_tenants || l.tenant;
    v_lanes := v_lanes - 1;
    FOR k IN SELECT id, floor FROM lane
      WHERE site = p_site AND tenant = l.tenant AND ready < (t + 1) * 1000 ORDER BY priority
    LOOP
      -- One more recipient is read, because it shows when the lane is ready again.
      SELECT array_agg(r.id), array_agg(r.due), least(count(*) FILTER (WHERE r.due <= t), v_left)
        INTO v_found, v_dues, n
        FROM (
          SELECT id, due FROM recipient
          WHERE lane = k.id AND state = 0 AND due >= 0 AND due >= k.floor AND id <> ALL (p_picked)
          ORDER BY due, id LIMIT v_left + 1
        ) r;
      -- Not before p_from, even in the same millisecond as the previous claim.
      v_ready := greatest(coalesce(v_dues[n + 1] * 1000, never), v_turn, p_from);
      UPDATE lane SET floor = coalesce(v_dues[n], floor), ready = v_ready WHERE id = k.id;
      ids := ids || v_found[1:n];
      next := least(next, v_ready);
      v_left := v_left - n;
    END LOOP;
  END LOOP;
END $$;

-- Takes picked recipients, with one event for all when it is for an attempt; p_of has the index of each recipient's lease.
-- Returns those that still waited, because claims of overdue recipients do not lock sites.
CREATE FUNCTION @schema@.take_v1(
  p_leases bigint[], p_sites text[], p_speeds int[], p_learned text[], p_of int[], p_ids bigint[], p_from bigint,
  p_attempt boolean, p_inline int, p_log text[], t bigint
) RETURNS SETOF @schema@.claimed_row_v1 LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY WITH taken AS (
    UPDATE recipient r SET state = 1, lease = p_leases[x.of], attempts = attempts + p_attempt::int
    FROM unnest(p_of, p_ids) WITH ORDINALITY AS x(of, id, ord)
    WHERE r.id = x.id AND r.state = 0
    RETURNING x.of, x.ord, r.id, r.id >> 16 AS message, (r.id & 65535)::int AS position, r.address, r.domain,
      r.attempts, r.options, r.detail
  ), claimed AS (
    SELECT r.*, m.tenant, m.tag, m.sender, m.accepted, m.expires, m.size, m.on_unknown, m.envelope, m.schedule,
      row_number() OVER (PARTITION BY r.of, r.message ORDER BY r.ord) = 1 AS first
    FROM taken r JOIN message m ON m.id = r.message
  ), logged AS (
    INSERT INTO event (at, type, count, events)
      SELECT t, 'attempted', count(*),
        json_agg(json_build_array(message, position, tenant, tag, address, attempts, NULL, NULL) ORDER BY ord)
      FROM claimed
      WHERE p_attempt AND expires > t AND (p_log IS NULL OR 'attempted' = ANY (p_log)) HAVING count(*) > 0
  )
  SELECT r.of - 1, p_leases[r.of]::text, p_sites[r.of], p_speeds[r.of], p_learned[r.of], t, p_from, r.message::text,
    r.position, r.address, r.domain, own_site_v1(r.domain, t), r.attempts, r.options, r.detail, r.tenant, r.tag, r.sender, r.accepted, r.expires, r.size, r.on_unknown, r.envelope,
    r.schedule, c.crc, c.ascii, c.bytes
  FROM claimed r LEFT JOIN content c ON c.message = r.message AND c.n = 0 AND r.first AND r.size <= p_inline
  ORDER BY r.ord;
END $$;

-- Makes a claim for each request, of the site whose turn it is. It is a function, not one statement, because each
-- statement in it sees what was committed before the site was locked, so that no wake-up is overwritten with older data.
-- Reads sites that are ready from p_from on; returns the lowest ready of all sites. It waits for no lock of a site, so
-- it can lock several in any order.
CREATE FUNCTION @schema@.claim_v1(
  p_workers text[], p_max int[], p_lease_ms bigint[], p_slowest int[], p_from bigint, p_inline int, p_limits jsonb,
  p_log text[], p_now bigint
) RETURNS SETOF @schema@.claimed_row_v1 LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  never constant bigint := 9007199254740991;
  t constant bigint := time_v1(p_now);
  s site%ROWTYPE;
  v_limits jsonb;
  v_open int;
  v_expiry bigint;
  v_allowed int;
  v_granted int;
  v_lease bigint;
  v_picked record;
  v_ready bigint;
  v_from bigint;
  n int := 1;
  -- The claims so far: their leases and sites, and the recipients picked for each.
  v_leases bigint[] := '{}';
  v_sites text[] := '{}';
  v_speeds int[] := '{}';
  v_learned text[] := '{}';
  v_of int[] := '{}';
  v_ids bigint[] := '{}';
  v_taken int;
BEGIN
  -- If a crash loses a claim, its recipients only return to the queue.
  PERFORM set_config('synchronous_commit', 'off', true);
  -- Not of the site that is taken below: its place may be newer than the one where it was found. And not later than
  -- now: a site that is full or paused at this moment may have its turn before.
  SELECT ready INTO v_from FROM site WHERE NOT suspended AND ready >= p_from ORDER BY ready LIMIT 1;
  v_from := least(v_from, t * 1000);
  FOR i IN 1..200 * cardinality(p_workers) LOOP
    IF p_slowest[n] = 2 THEN
      SELECT * INTO s FROM site WHERE NOT suspended AND ready >= p_from AND ready < (t + 1) * 1000
        ORDER BY ready LIMIT 1 FOR UPDATE SKIP LOCKED;
    ELSIF p_slowest[n] = 1 THEN
      SELECT * INTO s FROM site WHERE NOT suspended AND speed < 2 AND ready >= p_from AND ready < (t + 1) * 1000
        ORDER BY ready LIMIT 1 FOR UPDATE SKIP LOCKED;
    ELSE
      SELECT * INTO s FROM site WHERE NOT suspended AND speed = 0 AND ready >= p_from AND ready < (t + 1) * 1000
        ORDER BY ready LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF NOT FOUND THEN
      -- Another request may accept slower sites.
      n := n + 1;
      EXIT WHEN n > cardinality(p_workers);
      CONTINUE;
    END IF;
    v_limits := p_limits || coalesce(s.limits, '{}');
    -- A site that was not used for a time starts low again.
    IF t - s.used >= (v_limits ->> 'probeAfterMs')::bigint THEN
      s.concurrency := least(s.concurrency, (v_limits ->> 'startConcurrency')::float8);
    END IF;
    IF s.paused_until > t THEN
      UPDATE site SET ready = s.paused_until * 1000 WHERE name = s.name;
      CONTINUE;
    END IF;
    SELECT * INTO v_open, v_expiry FROM connections_v1(s.name, t);
    v_open := v_open + cardinality(array_positions(v_sites, s.name));
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
    v_lease := nextval('lease_id_seq');
    v_picked := pick_v1(s.name, s.lanes_from, v_lease, v_granted, v_ids, t);
    IF cardinality(v_picked.ids) = 0 THEN
      UPDATE site SET ready = greatest(v_picked.next, (t + 1) * 1000), lanes_from = v_picked.next WHERE name = s.name;
      CONTINUE;
    END IF;
    v_ready := v_picked.next;
    IF v_ready < never THEN
      v_ready := greatest(v_ready, t * 1000 + v_lease % 1000);
      IF v_open + 1 >= v_allowed THEN
        v_ready := greatest(v_ready, least(coalesce(v_expiry, never / 1000), t + p_lease_ms[n]) * 1000);
      END IF;
    END IF;
    IF v_limits -> 'rates' <> '[]' THEN
      s.arrivals := add_arrivals_v1(v_limits -> 'rates', s.arrivals, cardinality(v_picked.ids));
    END IF;
    UPDATE site SET ready = v_ready, concurrency = s.concurrency, used = t, lanes_from = v_picked.next,
        arrivals = s.arrivals
      WHERE name = s.name;
    v_leases[n] := v_lease;
    v_sites[n] := s.name;
    v_speeds[n] := s.speed;
    v_learned[n] := s.learned::text;
    v_of := v_of || array_fill(n, ARRAY[cardinality(v_picked.ids)]);
    v_ids := v_ids || v_picked.ids;
    n := n + 1;
    EXIT WHEN n > cardinality(p_workers);
  END LOOP;
  IF cardinality(v_ids) = 0 THEN RETURN; END IF;
  INSERT INTO lease (id, site, worker, expires) OVERRIDING SYSTEM VALUE
    SELECT x.id, x.site, p_workers[x.n], t + p_lease_ms[x.n]
    FROM unnest(v_leases, v_sites) WITH ORDINALITY AS x(id, site, n) WHERE x.id IS NOT NULL;
  RETURN QUERY SELECT * FROM take_v1(v_leases, v_sites, v_speeds, v_learned, v_of, v_ids, v_from, true, p_inline, p_log, t);
  GET DIAGNOSTICS v_taken = ROW_COUNT;
  IF v_taken < cardinality(v_ids) THEN
    -- No worker will settle an empty lease, so its site is checked again soon.
    WITH empty AS (
      DELETE FROM lease l WHERE l.id = ANY (v_leases) AND NOT EXISTS (SELECT FROM recipient r WHERE r.lease = l.id)
      RETURNING site
    ) UPDATE site SET ready = (t + 1) * 1000 WHERE name = ANY (ARRAY(SELECT e.site FROM empty e));
  END IF;
END $$;

-- Takes more for a lease that runs.
CREATE FUNCTION @schema@.claim_more_v1(
  p_lease bigint, p_max int, p_inline int, p_limits jsonb, p_log text[], p_now bigint
) RETURNS SETOF @schema@.claimed_row_v1 LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  t bigint;
  s site%ROWTYPE;
  v_limits jsonb;
  v_rate record;
  v_picked record;
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
  v_picked := pick_v1(s.name, s.lanes_from, p_lease, v_rate.granted, '{}', t);
  UPDATE site SET used = t, arrivals = add_arrivals_v1(v_limits -> 'rates', v_rate.arrivals, cardinality(v_picked.ids))
    WHERE name = s.name;
  RETURN QUERY SELECT * FROM take_v1(ARRAY[p_lease], ARRAY[s.name], ARRAY[s.speed], ARRAY[NULL],
    array_fill(1, ARRAY[cardinality(v_picked.ids)]), v_picked.ids, 0, true, p_inline, p_log, t);
END $$;

-- Claims waiting recipients whose deadline has passed. They only leave the queue here, so no site need be locked.
CREATE FUNCTION @schema@.claim_overdue_v1(p_worker text, p_max int, p_lease_ms bigint, p_inline int, p_now bigint)
RETURNS SETOF @schema@.claimed_row_v1 LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  t constant bigint := time_v1(p_now);
  v_lease bigint;
  v_ids bigint[];
BEGIN
  IF NOT EXISTS (SELECT FROM recipient WHERE state = 0 AND deadline >= 0 AND deadline <= t) THEN RETURN; END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  v_ids := ARRAY(
    SELECT id FROM (
      SELECT id FROM recipient WHERE state = 0 AND deadline >= 0 AND deadline <= t AND lane IS NOT NULL
      ORDER BY deadline LIMIT p_max FOR UPDATE SKIP LOCKED
    ) r ORDER BY id);
  IF cardinality(v_ids) = 0 THEN RETURN; END IF;
  INSERT INTO lease (site, worker, expires) VALUES (NULL, p_worker, t + p_lease_ms) RETURNING id INTO v_lease;
  RETURN QUERY SELECT * FROM take_v1(ARRAY[v_lease], ARRAY[''], ARRAY[1], ARRAY[NULL], array_fill(1, ARRAY[cardinality(v_ids)]), v_ids, 0,
    false, p_inline, '{}', t);
END $$;
`;
