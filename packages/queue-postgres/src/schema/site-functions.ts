/**
 * Rates, pacing, and when a site is ready. The rules are those of the broker's `rate.ts` and `pacing.ts`.
 *
 * Functions that only other functions call have no settings of their own: they run with those of the caller, which
 * costs less.
 */
export const siteFunctions = `
CREATE FUNCTION @schema@.interval_v1(p_rate jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
  SELECT (p_rate ->> 'perMs')::float8
    / ((p_rate ->> 'count')::float8 - coalesce((p_rate ->> 'burst')::float8, 1) + 1)
$$;

-- How many of p_wanted the rates grant at t; p_arrivals are those of the previous grant.
CREATE FUNCTION @schema@.take_rates_v1(
  p_rates jsonb, p_arrivals float8[], t bigint, p_wanted int, OUT granted int, OUT arrivals float8[], OUT ready_at bigint
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  v_rate jsonb;
  v_interval float8;
  v_burst float8;
  v_arrival float8;
  v_room float8;
  i int := 0;
BEGIN
  granted := p_wanted;
  arrivals := '{}';
  ready_at := t;
  FOR v_rate IN SELECT * FROM jsonb_array_elements(p_rates) LOOP
    i := i + 1;
    v_interval := interval_v1(v_rate);
    v_burst := coalesce((v_rate ->> 'burst')::float8, 1);
    v_arrival := greatest(coalesce(p_arrivals[i], 0), t);
    arrivals := arrivals || v_arrival;
    v_room := floor((t - v_arrival + v_burst * v_interval + 1e-3) / v_interval);
    IF v_room < 1 THEN
      ready_at := greatest(ready_at, ceil(v_arrival - (v_burst - 1) * v_interval - 1e-3)::bigint);
    END IF;
    granted := greatest(0, least(granted::float8, v_room))::int;
  END LOOP;
END $$;

-- The arrival times with p_count more in them; fewer when it is negative.
CREATE FUNCTION @schema@.add_arrivals_v1(p_rates jsonb, p_arrivals float8[], p_count int)
RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(coalesce(p_arrivals[r.n::int], 0) + p_count * @schema@.interval_v1(r.rate) ORDER BY r.n), '{}')
  FROM jsonb_array_elements(p_rates) WITH ORDINALITY AS r(rate, n)
$$;

CREATE FUNCTION @schema@.allowed_v1(p_concurrency float8, p_limits jsonb) RETURNS int LANGUAGE sql IMMUTABLE AS $$
  SELECT greatest(1, floor(least(
    coalesce(p_concurrency, (p_limits ->> 'startConcurrency')::float8), (p_limits ->> 'maxConcurrency')::float8)))::int
$$;

-- The number of connections of a site, and when the first lease expires. Leases that expired half a minute ago and were
-- not reaped do not count.
CREATE FUNCTION @schema@.connections_v1(p_site text, t bigint) RETURNS TABLE (open int, expires bigint)
LANGUAGE sql STABLE AS $$
  SELECT count(*)::int, min(l.expires) FROM @schema@.lease l WHERE l.site = p_site AND l.expires >= t - 30000
$$;

-- When a site is ready next, in microseconds: when a lane is, but not while the site is paused or full, and not in the
-- past.
CREATE FUNCTION @schema@.site_ready_v1(p_site text, p_paused_until bigint, p_allowed int, t bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  never constant bigint := 9007199254740991;
  v_lanes bigint;
  v_open int;
  v_expiry bigint;
BEGIN
  SELECT coalesce(min(ready), never) INTO v_lanes FROM lane
    WHERE site = p_site AND ready >= (SELECT lanes_from FROM site WHERE name = p_site);
  IF v_lanes = never THEN RETURN never; END IF;
  SELECT * INTO v_open, v_expiry FROM connections_v1(p_site, t);
  RETURN greatest(v_lanes, t * 1000, p_paused_until * 1000, CASE WHEN v_open >= p_allowed THEN v_expiry * 1000 ELSE 0 END);
END $$;

-- Whether feedback changes nothing, as after nearly all successes: the site is at its limit, and nothing waits.
CREATE FUNCTION @schema@.rests_v1(s @schema@.site, p_feedback jsonb, p_limits jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT s.ready = 9007199254740991 AND (p_feedback ->> 'kind' IS NULL OR p_feedback ->> 'kind' = 'succeeded'
    AND s.concurrency >= ((p_limits || coalesce(s.limits, '{}')) ->> 'maxConcurrency')::float8
    AND s.failed_cohorts = 0 AND s.throttles = 0 AND s.paused_until = 0 AND NOT s.probing)
$$;

-- Records what a connection showed about its site, and gives back what was not used of its rates. The caller holds the
-- lock, and has ended the lease if p_ended.
CREATE FUNCTION @schema@.learn_v1(
  s @schema@.site, p_feedback jsonb, p_returned int, p_ended boolean, p_limits jsonb, t bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_known constant @schema@.site := s;
  v_limits constant jsonb := p_limits || coalesce(s.limits, '{}');
  v_kind constant text := p_feedback ->> 'kind';
  v_max constant float8 := (v_limits ->> 'maxConcurrency')::float8;
  v_start float8;
  v_allowed int;
  v_named bigint;
BEGIN
  IF p_returned = 0 AND rests_v1(s, p_feedback, p_limits) THEN RETURN; END IF;
  v_start := (v_limits ->> 'startConcurrency')::float8;
  s.concurrency := coalesce(s.concurrency,
    least((p_limits ->> 'startConcurrency')::float8, (p_limits ->> 'maxConcurrency')::float8));
  v_named := CASE WHEN p_feedback ? 'retryAfterMs'
    THEN ceil(least(greatest((p_feedback ->> 'retryAfterMs')::float8, 0), 14400000))::bigint END;

  IF v_kind = 'throttled' AND t < s.paused_until THEN
    s.paused_until := greatest(s.paused_until, t + coalesce(v_named, 0));
  ELSIF v_kind = 'throttled' THEN
    s.throttles := s.throttles + 1;
    s.concurrency := greatest(1, floor(s.concurrency / 2));
    s.paused_until := t + coalesce(v_named, least(60000 * 2 ^ least(s.throttles - 1, 20), 1800000)::bigint);
    s.pause_reason := 'throttled';
  ELSIF v_kind IN ('succeeded', 'answered') AND t >= s.paused_until THEN
    IF s.probing THEN
      s.concurrency := least(v_start, v_max);
    ELSIF v_kind = 'succeeded' THEN
      SELECT greatest(s.concurrency, least(
          s.concurrency + coalesce((p_feedback ->> 'count')::float8, 1) / greatest(1, floor(s.concurrency)),
          v_max, c.open + p_ended::int + v_start))
        INTO s.concurrency FROM connections_v1(s.name, t) c;
    END IF;
    s.failed_cohorts := 0;
    IF v_kind = 'succeeded' THEN s.throttles := 0; END IF;
    s.probing := false;
    s.paused_until := 0;
    s.pause_reason := NULL;
  ELSIF v_kind = 'credentials-refused' AND t >= s.paused_until THEN
    s.concurrency := 1;
    s.failed_cohorts := 0;
    s.paused_until := t + (v_limits ->> 'probeAfterMs')::bigint;
    s.pause_reason := 'credentials';
    s.probing := true;
  ELSIF v_kind = 'unreachable' AND t >= s.paused_until THEN
    v_allowed := allowed_v1(s.concurrency, v_limits);
    IF s.failed_cohorts + 1.0::float8 / v_allowed >= 1 - 1e-9 THEN
      s.concurrency := 1;
      s.failed_cohorts := 0;
      s.paused_until := t + (v_limits ->> 'probeAfterMs')::bigint;
      s.pause_reason := 'unreachable';
      s.probing := true;
    ELSE
      IF s.failed_cohorts = 0 THEN s.concurrency := greatest(1, v_allowed - 1); END IF;
      s.failed_cohorts := s.failed_cohorts + 1.0::float8 / v_allowed;
    END IF;
  END IF;
  IF p_returned > 0 THEN s.arrivals := add_arrivals_v1(v_limits -> 'rates', s.arrivals, -p_returned); END IF;
  s.ready := site_ready_v1(s.name, s.paused_until, allowed_v1(s.concurrency, v_limits), t);
  IF s IS DISTINCT FROM v_known THEN
    UPDATE site SET concurrency = s.concurrency, failed_cohorts = s.failed_cohorts, paused_until = s.paused_until,
        pause_reason = s.pause_reason, probing = s.probing, throttles = s.throttles, arrivals = s.arrivals,
        ready = s.ready
      WHERE name = s.name;
  END IF;
END $$;

-- Records what was learnt about a site and its hosts: "speed" and "hosts" of p_learned, if present. The caller holds the
-- lock.
CREATE FUNCTION @schema@.learn_hosts_v1(p_site text, p_learned jsonb, p_most int) RETURNS void LANGUAGE sql AS $$
  UPDATE @schema@.site SET speed = coalesce((p_learned ->> 'speed')::smallint, speed),
    learned = coalesce((
      SELECT jsonb_object_agg(h.key, h.value) FROM (
        SELECT key, value FROM jsonb_each(learned || coalesce(p_learned -> 'hosts', '{}'))
        ORDER BY NOT coalesce(p_learned -> 'hosts' ? key, false) LIMIT p_most
      ) h), '{}')
  WHERE name = p_site
$$;

-- Whether a site has settings of its own: an operator has suspended or paused it, or given it limits. Such a domain does
-- not belong to the site of its exchangers.
CREATE FUNCTION @schema@.own_site_v1(p_site text, t bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM @schema@.site s WHERE s.name = p_site
    AND (s.suspended OR s.limits IS NOT NULL OR (s.pause_reason = 'operator' AND s.paused_until > t)))
$$;

CREATE FUNCTION @schema@.set_site_v1(
  p_site text, p_suspended boolean, p_note text, p_set_limits boolean, p_own jsonb, p_pause bigint, p_limits jsonb,
  p_now bigint
) RETURNS void LANGUAGE plpgsql SET search_path = @schema@, pg_temp AS $$
DECLARE
  s site%ROWTYPE;
  t constant bigint := time_v1(p_now);
BEGIN
  INSERT INTO site (name, ready) VALUES (p_site, 9007199254740991) ON CONFLICT (name) DO NOTHING;
  SELECT * INTO s FROM site WHERE name = p_site FOR UPDATE;
  IF p_set_limits THEN s.limits := nullif(p_own, '{}'); END IF;
  IF p_pause IS NOT NULL THEN
    s.paused_until := CASE WHEN p_pause > 0 THEN t + p_pause ELSE 0 END;
    s.pause_reason := CASE WHEN p_pause > 0 THEN 'operator' END;
  END IF;
  UPDATE site SET suspended = coalesce(p_suspended, suspended), note = coalesce(p_note, note), limits = s.limits,
      paused_until = s.paused_until, pause_reason = s.pause_reason,
      ready = site_ready_v1(p_site, s.paused_until, allowed_v1(s.concurrency, p_limits || coalesce(s.limits, '{}')), t)
    WHERE name = p_site;
  DELETE FROM alias WHERE domain = p_site;
END $$;
`;
