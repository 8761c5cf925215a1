/**
 * The transitions of recipients. States: 0 queued, 1 in flight, 2 held, 3 unknown, 4 delivered, 5 failed, 6 expired,
 * 7 cancelled; intents: 0 none, 1 hold, 2 cancel. The rules are those of the broker's `recipient-transition.ts`.
 */
export const settleFunctions = `
-- Writes a transition of one recipient, with its events. The caller holds the lock of the recipient's site.
CREATE FUNCTION @schema@.change_v1(
  p_id bigint, p_state int, p_attempts int, p_abandoned int, p_due bigint, p_detail text, p_events text[],
  p_log text[], t bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_lane bigint;
  v_due bigint;
  v_site text;
BEGIN
  UPDATE recipient r SET state = p_state, intent = 0, attempts = p_attempts, abandoned = p_abandoned, lease = NULL,
      due = greatest(coalesce(p_due, r.due), coalesce((SELECT l.floor FROM lane l WHERE l.id = r.lane), 0)),
      finished = CASE WHEN p_state >= 4 THEN t END, detail = coalesce(p_detail, r.detail)
    WHERE r.id = p_id RETURNING r.lane, r.due INTO v_lane, v_due;
  IF p_state = 0 AND v_lane IS NOT NULL THEN
    UPDATE lane SET ready = least(ready, v_due * 1000) WHERE id = v_lane RETURNING site INTO v_site;
    UPDATE site SET ready = least(ready, greatest(v_due, t) * 1000), lanes_from = least(lanes_from, v_due * 1000)
      WHERE name = v_site AND (ready > greatest(v_due, t) * 1000 OR lanes_from > v_due * 1000);
  ELSIF p_state >= 4 THEN
    INSERT INTO ended (messages) VALUES (ARRAY[p_id >> 16]);
  END IF;
  INSERT INTO event (at, type, count, events)
    SELECT t, e.type, 1, json_build_array(json_build_array(m.id, p_id & 65535, m.tenant, m.tag, r.address, p_attempts,
      CASE WHEN e.type = 'deferred' AND p_state = 0 THEN v_due END, CASE WHEN e.n = 1 THEN p_detail::json END))
    FROM unnest(p_events) WITH ORDINALITY AS e(type, n), recipient r, message m
    WHERE r.id = p_id AND m.id = p_id >> 16 AND (p_log IS NULL OR e.type = ANY (p_log)) ORDER BY e.n;
END $$;

-- Applies an operator's intent to a recipient that is not finished.
CREATE FUNCTION @schema@.park_v1(p_state int, p_intent int, p_events text[], OUT state int, OUT events text[])
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_intent = 2 THEN 7 WHEN p_intent = 1 THEN 2 ELSE p_state END,
    CASE WHEN p_intent = 2 THEN p_events || 'cancelled'::text
      WHEN p_intent = 1 AND p_state <> 2 THEN p_events || 'held'::text ELSE p_events END
$$;

-- Locks the sites of recipients and leases, in the order of their names.
CREATE FUNCTION @schema@.lock_sites_v1(p_ids bigint[], p_lease bigint, p_sites text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_names text[];
BEGIN
  SELECT array_agg(DISTINCT n.name) INTO v_names FROM (
    SELECT l.site AS name FROM recipient r JOIN lane l ON l.id = r.lane WHERE r.id = ANY (p_ids)
    UNION ALL SELECT l.site FROM recipient r JOIN lane l ON l.id = r.lane WHERE r.lease = p_lease
    UNION ALL SELECT l.site FROM lease l WHERE l.id = p_lease
    UNION ALL SELECT s FROM unnest(p_sites) AS u(s)
  ) n WHERE n.name IS NOT NULL;
  PERFORM 1 FROM site WHERE name = ANY (v_names) ORDER BY name FOR UPDATE;
END $$;

-- Marks the recipients that their leases still hold as delivered, with one event for all; returns how many. p_of has the
-- index of each recipient's lease in p_leases. The caller holds the locks of their sites.
CREATE FUNCTION @schema@.deliver_v1(
  p_leases bigint[], p_of int[], p_ids bigint[], p_details text[], p_log text[], t bigint
) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  v_count int;
BEGIN
  WITH done AS (
    UPDATE recipient r SET state = 4, intent = 0, abandoned = 0, lease = NULL, finished = t,
        detail = coalesce(u.detail, r.detail)
      FROM unnest(p_of, p_ids, p_details) AS u(n, id, detail) WHERE r.id = u.id AND r.lease = p_leases[u.n]
      RETURNING r.id, r.address, r.attempts, u.detail
  ), ended AS (
    INSERT INTO ended (messages) SELECT array_agg(DISTINCT id >> 16) FROM done HAVING count(*) > 0
  ), logged AS (
    INSERT INTO event (at, type, count, events)
      SELECT t, 'delivered', count(*), json_agg(json_build_array(m.id, d.id & 65535, m.tenant, m.tag, d.address,
        d.attempts, NULL, d.detail::json))
      FROM done d JOIN message m ON m.id = d.id >> 16
      WHERE p_log IS NULL OR 'delivered' = ANY (p_log) HAVING count(*) > 0
  ) SELECT count(*) INTO v_count FROM done;
  RETURN v_count;
END $$;

-- Records the outcomes of claimed recipients; returns those whose outcome was refused.
CREATE FUNCTION @schema@.settle_v1(
  p_lease bigint, p_ids bigint[], p_statuses text[], p_delays bigint[], p_sites text[], p_details text[],
  p_release boolean, p_feedback jsonb, p_learned jsonb, p_most_hosts int, p_limits jsonb, p_log text[], p_now bigint
) RETURNS bigint[] LANGUAGE plpgsql @lookups@ AS $$
DECLARE
  t bigint;
  le lease%ROWTYPE;
  c record;
  p record;
  v_refused bigint[] := '{}';
  v_returned int := 0;
  v_holds boolean;
  v_given int;
  v_lane bigint;
  v_site text;
  v_all_held boolean;
  v_done int[];
  s site%ROWTYPE;
BEGIN
  -- In nearly all cases the lease holds all recipients, so that all belong to its site, and none is rerouted.
  SELECT l.site, l.site IS NOT NULL AND array_remove(p_sites, NULL) = '{}' AND cardinality(p_ids)
      = (SELECT count(*) FILTER (WHERE r.id = ANY (p_ids)) FROM recipient r WHERE r.lease = p_lease)
    INTO v_site, v_all_held FROM lease l WHERE l.id = p_lease;
  IF v_all_held THEN
    PERFORM 1 FROM site WHERE name = v_site FOR UPDATE;
  ELSE
    INSERT INTO site (name, ready) SELECT DISTINCT u.name COLLATE "C", 9007199254740991 FROM unnest(p_sites) AS u(name)
      WHERE u.name IS NOT NULL ORDER BY 1 ON CONFLICT (name) DO NOTHING;
    PERFORM lock_sites_v1(p_ids, CASE WHEN p_release THEN p_lease END, p_sites || v_site);
  END IF;
  t := time_v1(p_now);
  -- Under the lock, because the lease may have been reaped meanwhile, and its recipients may belong to other sites now.
  IF p_release THEN
    DELETE FROM lease WHERE id = p_lease RETURNING * INTO le;
  ELSE
    SELECT * INTO le FROM lease WHERE id = p_lease FOR UPDATE;
  END IF;
  IF v_all_held AND NOT FOUND THEN RAISE serialization_failure; END IF;
  IF v_all_held THEN
    -- Another settlement of the same lease may have come first.
    v_done := ARRAY(SELECT n FROM unnest(p_statuses) WITH ORDINALITY AS u(status, n) WHERE status = 'delivered');
    IF deliver_v1(ARRAY[p_lease], array_fill(1, ARRAY[cardinality(v_done)]), ARRAY(SELECT p_ids[n] FROM unnest(v_done) n),
        ARRAY(SELECT p_details[n] FROM unnest(v_done) n), p_log, t) < cardinality(v_done) THEN
      RAISE serialization_failure;
    END IF;
  END IF;
  FOR i IN 1..cardinality(p_ids) LOOP
    CONTINUE WHEN v_all_held AND p_statuses[i] = 'delivered';
    SELECT r.state, r.intent, r.attempts, r.abandoned, r.lease, m.expires, m.tenant, m.priority INTO c
      FROM recipient r JOIN message m ON m.id = r.id >> 16 WHERE r.id = p_ids[i] FOR UPDATE OF r;
    IF NOT FOUND THEN
      v_refused := v_refused || p_ids[i];
      CONTINUE;
    END IF;
    v_holds := coalesce(c.lease = le.id, false);
    -- A delivery is recorded from any worker, however late; any other outcome needs the lease.
    IF NOT v_holds AND (p_statuses[i] <> 'delivered' OR c.state >= 4) THEN
      v_refused := v_refused || p_ids[i];
      CONTINUE;
    END IF;
    v_given := CASE WHEN le.site IS NULL THEN c.attempts ELSE greatest(0, c.attempts - 1) END;
    CASE p_statuses[i]
      WHEN 'delivered' THEN
        PERFORM change_v1(p_ids[i], 4, c.attempts, 0, NULL, p_details[i], '{delivered}', p_log, t);
      WHEN 'failed' THEN
        PERFORM change_v1(p_ids[i], 5, c.attempts, 0, NULL, p_details[i], '{failed}', p_log, t);
      WHEN 'expired' THEN
        PERFORM change_v1(p_ids[i], 6, v_given, 0, NULL, p_details[i], '{expired}', p_log, t);
      WHEN 'held' THEN
        p := park_v1(2, c.intent, '{held}');
        PERFORM change_v1(p_ids[i], p.state, c.attempts, 0, NULL, p_details[i], p.events, p_log, t);
      WHEN 'unknown' THEN
        p := park_v1(3, c.intent, '{unknown}');
        PERFORM change_v1(p_ids[i], p.state, c.attempts, 0, NULL, p_details[i], p.events, p_log, t);
      WHEN 'deferred' THEN
        p := park_v1(0, c.intent, '{deferred}');
        PERFORM change_v1(p_ids[i], p.state, c.attempts, 0, t + p_delays[i], p_details[i], p.events, p_log, t);
      WHEN 'unattempted' THEN
        p := park_v1(0, c.intent, '{returned}');
        PERFORM change_v1(p_ids[i], p.state, v_given, 0, t + p_delays[i], p_details[i], p.events, p_log, t);
        v_returned := v_returned + 1;
      WHEN 'rerouted' THEN
        INSERT INTO lane (site, tenant, priority, ready) VALUES (p_sites[i], c.tenant, c.priority, 9007199254740991)
          ON CONFLICT (site, tenant, priority) DO NOTHING;
        SELECT l.id INTO v_lane FROM lane l
          WHERE l.site = p_sites[i] AND l.tenant = c.tenant AND l.priority = c.priority;
        UPDATE recipient SET lane = v_lane WHERE id = p_ids[i];
        p := park_v1(0, c.intent, '{returned}');
        PERFORM change_v1(p_ids[i], p.state, v_given, 0, t, p_details[i], p.events, p_log, t);
        v_returned := v_returned + 1;
      WHEN 'delayed' THEN
        UPDATE recipient SET deadline = c.expires WHERE id = p_ids[i];
        p := park_v1(0, c.intent, '{delayed}');
        PERFORM change_v1(p_ids[i], p.state, c.attempts, 0, NULL, p_details[i], p.events, p_log, t);
    END CASE;
  END LOOP;
  IF le.id IS NULL THEN RETURN v_refused; END IF;
  IF p_release THEN
    FOR c IN SELECT r.id, r.intent, r.attempts FROM recipient r WHERE r.lease = p_lease ORDER BY r.id LOOP
      IF le.site IS NULL THEN
        p := park_v1(0, c.intent, '{}');
        PERFORM change_v1(c.id, p.state, c.attempts, 0, NULL, NULL, p.events, p_log, t);
      ELSE
        p := park_v1(0, c.intent, '{returned}');
        PERFORM change_v1(c.id, p.state, greatest(0, c.attempts - 1), 0, t, NULL, p.events, p_log, t);
        v_returned := v_returned + 1;
      END IF;
    END LOOP;
  END IF;
  IF le.site IS NOT NULL THEN
    IF p_learned IS NOT NULL THEN PERFORM learn_hosts_v1(le.site, p_learned, p_most_hosts); END IF;
    SELECT * INTO s FROM site WHERE name = le.site;
    PERFORM learn_v1(s, p_feedback, v_returned, p_release AND le.expires >= t - 30000, p_limits, t);
  END IF;
  RETURN v_refused;
END $$;

-- As settle_v1, for several settlements in which all recipients were delivered; p_of has the index of each recipient's
-- settlement. When a lease no longer exists, does not hold these recipients, or is released and holds others as well,
-- nothing is written, and SQLSTATE MB001 asks for a call of settle_v1 for each.
CREATE FUNCTION @schema@.settle_delivered_v1(
  p_leases bigint[], p_releases boolean[], p_feedbacks jsonb[], p_of int[], p_ids bigint[], p_details text[],
  p_limits jsonb, p_log text[], p_now bigint
) RETURNS void LANGUAGE plpgsql @lookups@ AS $$
DECLARE
  t bigint;
  u record;
  s site%ROWTYPE;
  v_ended bigint[];
BEGIN
  PERFORM 1 FROM site WHERE name = ANY (ARRAY(SELECT l.site FROM lease l WHERE l.id = ANY (p_leases)))
    ORDER BY name FOR UPDATE;
  t := time_v1(p_now);
  IF deliver_v1(p_leases, p_of, p_ids, p_details, p_log, t) < cardinality(p_ids) THEN RAISE SQLSTATE 'MB001'; END IF;
  v_ended := ARRAY(SELECT x.id FROM unnest(p_leases, p_releases) AS x(id, release) WHERE x.release);
  -- Rows are not counted, because a lease may appear twice: a worker settles outcomes while its attempt continues.
  IF EXISTS (
      SELECT FROM unnest(p_leases) AS x(id)
      WHERE NOT EXISTS (SELECT FROM lease l WHERE l.id = x.id AND l.site IS NOT NULL))
      OR EXISTS (SELECT FROM recipient WHERE lease = ANY (v_ended)) THEN
    RAISE SQLSTATE 'MB001';
  END IF;
  FOR u IN
    SELECT l.id, l.site, l.expires, x.release, x.feedback
    FROM unnest(p_leases, p_releases, p_feedbacks) AS x(id, release, feedback)
    JOIN lease l ON l.id = x.id JOIN site k ON k.name = l.site AND NOT rests_v1(k, x.feedback, p_limits)
    ORDER BY l.id -- the order in which heartbeats lock leases
  LOOP
    IF u.release THEN DELETE FROM lease WHERE id = u.id; END IF;
    SELECT * INTO s FROM site WHERE name = u.site;
    PERFORM learn_v1(s, u.feedback, 0, u.release AND u.expires >= t - 30000, p_limits, t);
  END LOOP;
  DELETE FROM lease WHERE id = ANY (v_ended);
END $$;

-- Extends leases; returns those that exist. They are locked in the order of their ids, as everywhere.
CREATE FUNCTION @schema@.heartbeat_v1(p_leases bigint[], p_lease_ms bigint, p_now bigint)
RETURNS SETOF text LANGUAGE plpgsql SET search_path = @schema@, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM 1 FROM lease WHERE id = ANY (p_leases) ORDER BY id FOR UPDATE;
  RETURN QUERY UPDATE lease SET expires = time_v1(p_now) + p_lease_ms WHERE id = ANY (p_leases) RETURNING id::text;
END $$;

-- Returns the recipients of one expired lease to the queue. The caller holds the locks of their sites.
CREATE FUNCTION @schema@.lose_lease_v1(p_lease bigint, p_worker text, p_attempt boolean, p_log text[], t bigint)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  c record;
  p record;
  v_detail text := json_build_object('reason', 'lease-lost', 'worker', p_worker)::text;
  v_due bigint;
  v_count int := 0;
BEGIN
  FOR c IN
    SELECT r.id, r.intent, r.attempts, r.abandoned, m.on_unknown
    FROM recipient r JOIN message m ON m.id = r.id >> 16 WHERE r.lease = p_lease ORDER BY r.id
  LOOP
    v_count := v_count + 1;
    IF NOT p_attempt THEN
      p := park_v1(0, c.intent, '{}');
      PERFORM change_v1(c.id, p.state, c.attempts, 0, NULL, NULL, p.events, p_log, t);
    ELSIF c.on_unknown = 'retry' THEN
      -- A recipient whose lease is lost again waits longer each time, because it may be what crashes the workers.
      v_due := t + CASE WHEN c.abandoned = 0 THEN 0
        ELSE least(60000 * 2 ^ least(c.abandoned - 1, 20), 3600000) END::bigint;
      p := park_v1(0, c.intent, '{deferred}');
      PERFORM change_v1(c.id, p.state, c.attempts, c.abandoned + 1, v_due, v_detail, p.events, p_log, t);
    ELSIF c.on_unknown = 'hold' THEN
      p := park_v1(2, c.intent, '{held}');
      PERFORM change_v1(c.id, p.state, c.attempts, 0, NULL, v_detail, p.events, p_log, t);
    ELSE
      p := park_v1(3, c.intent, '{unknown}');
      PERFORM change_v1(c.id, p.state, c.attempts, 0, NULL, v_detail, p.events, p_log, t);
    END IF;
  END LOOP;
  DELETE FROM lease WHERE id = p_lease;
  RETURN v_count;
END $$;

-- Returns the recipients of expired leases to the queue; returns how many. Sites that are locked are left for the next
-- call.
CREATE FUNCTION @schema@.reap_v1(p_max int, p_limits jsonb, p_log text[], p_now bigint)
RETURNS int LANGUAGE plpgsql @lookups@ AS $$
DECLARE
  t bigint := time_v1(p_now);
  r record;
  le record;
  s site%ROWTYPE;
  v_count int := 0;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR r IN
    SELECT DISTINCT x.site FROM (SELECT site FROM lease WHERE expires <= t AND site IS NOT NULL LIMIT p_max) x ORDER BY 1
  LOOP
    SELECT * INTO s FROM site WHERE name = r.site FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    FOR le IN SELECT id, worker FROM lease WHERE site = r.site AND expires <= t ORDER BY id FOR UPDATE LOOP
      v_count := v_count + lose_lease_v1(le.id, le.worker, true, p_log, t);
    END LOOP;
    UPDATE site SET ready = site_ready_v1(s.name, s.paused_until,
        allowed_v1(s.concurrency, p_limits || coalesce(s.limits, '{}')), t)
      WHERE name = s.name;
  END LOOP;
  RETURN v_count;
END $$;

-- As reap_v1, for one lease of overdue recipients, which may belong to many sites.
CREATE FUNCTION @schema@.reap_overdue_v1(p_log text[], p_now bigint)
RETURNS int LANGUAGE plpgsql @lookups@ AS $$
DECLARE
  t bigint := time_v1(p_now);
  le record;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT id INTO le FROM lease WHERE site IS NULL AND expires <= t ORDER BY id LIMIT 1;
  IF NOT FOUND THEN RETURN 0; END IF;
  PERFORM lock_sites_v1('{}', le.id, '{}');
  SELECT id, worker INTO le FROM lease WHERE id = le.id AND expires <= t FOR UPDATE;
  IF NOT FOUND THEN RETURN 0; END IF;
  RETURN lose_lease_v1(le.id, le.worker, false, p_log, t);
END $$;

-- Applies an operator's command to recipients; returns how many it changed.
CREATE FUNCTION @schema@.command_v1(p_ids bigint[], p_command text, p_log text[], p_now bigint)
RETURNS int LANGUAGE plpgsql @lookups@ AS $$
DECLARE
  t bigint;
  c record;
  v_count int := 0;
BEGIN
  PERFORM lock_sites_v1(p_ids, NULL, '{}');
  t := time_v1(p_now);
  FOR c IN
    SELECT r.id, r.state, r.intent, r.attempts FROM recipient r WHERE r.id = ANY (p_ids) ORDER BY r.id FOR UPDATE
  LOOP
    IF c.state = 1 THEN
      -- Its attempt cannot be stopped: the intent takes effect when it returns.
      CONTINUE WHEN NOT ((p_command = 'hold' AND c.intent = 0) OR (p_command = 'cancel' AND c.intent <> 2)
        OR (p_command = 'release' AND c.intent = 1));
      UPDATE recipient SET intent = CASE p_command WHEN 'hold' THEN 1 WHEN 'cancel' THEN 2 ELSE 0 END WHERE id = c.id;
    ELSIF p_command = 'hold' AND c.state IN (0, 3) THEN
      PERFORM change_v1(c.id, 2, c.attempts, 0, NULL, NULL, '{held}', p_log, t);
    ELSIF p_command = 'cancel' AND c.state < 4 THEN
      PERFORM change_v1(c.id, 7, c.attempts, 0, NULL, NULL, '{cancelled}', p_log, t);
    ELSIF p_command = 'release' AND c.state IN (2, 3) THEN
      PERFORM change_v1(c.id, 0, c.attempts, 0, t, NULL, '{released}', p_log, t);
    ELSE
      CONTINUE;
    END IF;
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;

-- Makes queued recipients due p_after milliseconds from now; returns how many.
CREATE FUNCTION @schema@.reschedule_v1(p_ids bigint[], p_after bigint, p_now bigint)
RETURNS int LANGUAGE plpgsql @lookups@ AS $$
DECLARE
  t bigint;
  v_count int;
BEGIN
  PERFORM lock_sites_v1(p_ids, NULL, '{}');
  t := time_v1(p_now);
  PERFORM 1 FROM recipient r WHERE r.id = ANY (p_ids) ORDER BY r.id FOR UPDATE;
  WITH u AS (
    UPDATE recipient r SET due = greatest(t + p_after, l.floor) FROM lane l
    WHERE r.id = ANY (p_ids) AND r.state = 0 AND l.id = r.lane RETURNING r.lane, r.due
  ), w AS (
    UPDATE lane SET ready = least(lane.ready, x.due * 1000)
    FROM (SELECT lane, min(due) AS due FROM u GROUP BY lane) x WHERE lane.id = x.lane
    RETURNING lane.site, x.due * 1000 AS ready
  ), v AS (
    UPDATE site SET ready = least(site.ready, greatest(x.ready, t * 1000)), lanes_from = least(site.lanes_from, x.ready)
    FROM (SELECT site, min(ready) AS ready FROM w GROUP BY site) x WHERE site.name = x.site RETURNING 1
  ) SELECT count(*) INTO v_count FROM u;
  RETURN v_count;
END $$;
`;
