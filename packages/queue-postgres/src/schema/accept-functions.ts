/** Accepting messages, and putting them into lanes. A later migration creates the same functions again. */
export const acceptFunctions = `
CREATE OR REPLACE FUNCTION @schema@.time_v1(p_now bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(p_now, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$$;

-- Writes one chunk of content before its message; inserts the message's row with the first chunk. This does not wait for
-- the disk: the commit of the message does, and its flush includes earlier commits.
CREATE OR REPLACE FUNCTION @schema@.stage_v1(p_message bigint, p_n int, p_crc bigint, p_ascii text, p_bytes bytea, p_now bigint)
RETURNS bigint LANGUAGE plpgsql SET search_path = @schema@, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  IF p_message IS NULL THEN
    INSERT INTO message (staged, accepted) VALUES (1, time_v1(p_now)) RETURNING id INTO p_message;
  END IF;
  IF p_crc IS NOT NULL THEN
    INSERT INTO content (message, n, crc, ascii, bytes) VALUES (p_message, p_n, p_crc, p_ascii, p_bytes);
  END IF;
  RETURN p_message;
END $$;

-- Accepts a message. It only inserts and locks no site, so that it can run in a long transaction.
CREATE OR REPLACE FUNCTION @schema@.accept_v1(
  p_staged bigint, p_tenant text, p_tag text, p_priority int, p_key text, p_digest text, p_sender text, p_not_before bigint,
  p_expire_after bigint, p_notice_after bigint, p_on_unknown text, p_envelope text, p_schedule text, p_size bigint,
  p_crc bigint, p_ascii text, p_bytes bytea, p_addresses text[], p_domains text[], p_sites text[], p_options text[],
  p_log text[], p_now bigint, OUT id bigint, OUT duplicate boolean, OUT known_digest text
) LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  t constant bigint := time_v1(p_now);
  v_begin constant bigint := greatest(t, coalesce(p_not_before, t));
  v_expires constant bigint := v_begin + p_expire_after;
  v_deadline constant bigint := least(v_expires, v_begin + coalesce(p_notice_after, p_expire_after));
  v_id bigint;
BEGIN
  duplicate := false;
  IF p_staged IS NULL THEN
    INSERT INTO message (staged, tenant, tag, priority, idem_key, idem_digest, sender, accepted, expires, size,
        on_unknown, envelope, schedule)
      VALUES (0, p_tenant, p_tag, p_priority, p_key, p_digest, p_sender, t, v_expires, p_size, p_on_unknown, p_envelope,
        p_schedule)
      ON CONFLICT (tenant, idem_key) WHERE idem_key IS NOT NULL DO NOTHING RETURNING message.id INTO v_id;
  ELSIF NOT EXISTS (SELECT FROM message WHERE tenant = p_tenant AND idem_key = p_key) THEN
    BEGIN
      UPDATE message SET staged = 0, tenant = p_tenant, tag = p_tag, priority = p_priority, idem_key = p_key,
          idem_digest = p_digest, sender = p_sender, accepted = t, expires = v_expires, on_unknown = p_on_unknown, envelope = p_envelope,
          schedule = p_schedule
        WHERE message.id = p_staged AND staged = 2 RETURNING message.id INTO v_id;
      IF v_id IS NULL THEN RETURN; END IF; -- id NULL and not a duplicate: the staged content does not exist
    EXCEPTION WHEN unique_violation THEN v_id := NULL;
    END;
  END IF;
  IF v_id IS NULL THEN
    SELECT message.id, idem_digest INTO id, known_digest FROM message WHERE tenant = p_tenant AND idem_key = p_key;
    IF NOT FOUND THEN RAISE serialization_failure; END IF;
    duplicate := true;
    RETURN;
  END IF;
  id := v_id;
  IF p_crc IS NOT NULL THEN
    INSERT INTO content (message, n, crc, ascii, bytes) VALUES (v_id, 0, p_crc, p_ascii, p_bytes);
  END IF;
  INSERT INTO recipient (id, lane, route, address, domain, due, deadline, options)
    SELECT v_id * 65536 + u.n - 1, l.id, CASE WHEN l.id IS NULL THEN s.name END, u.address, u.domain, v_begin,
      v_deadline, u.options
    FROM unnest(p_addresses, p_domains, p_sites, p_options) WITH ORDINALITY AS u(address, domain, site, options, n)
    LEFT JOIN alias a ON a.domain = u.domain AND a.expires > t
    CROSS JOIN LATERAL (SELECT CASE WHEN u.site <> '' THEN u.site WHEN a.site IS NOT NULL THEN a.site
      WHEN u.site IS NULL OR own_site_v1(u.domain, t) THEN u.domain ELSE '' END AS name) s
    LEFT JOIN lane l ON l.site = s.name AND l.tenant = p_tenant AND l.priority = p_priority;
  INSERT INTO intake (message, places, counts) SELECT v_id, array_agg(x.place), array_agg(x.n)
    FROM (
      SELECT place_v1(l.site, r.route, r.domain) AS place, count(*) AS n FROM recipient r LEFT JOIN lane l ON l.id = r.lane
      WHERE r.id >= v_id * 65536 AND r.id < (v_id + 1) * 65536 GROUP BY 1
    ) x;
  IF p_log IS NULL OR 'accepted' = ANY (p_log) THEN
    INSERT INTO event (at, type, count, events) VALUES
      (t, 'accepted', 1, json_build_array(json_build_array(v_id, NULL, p_tenant, p_tag, NULL, 0, NULL, NULL)));
  END IF;
END $$;

-- Puts accepted messages, from p_from on, into their lanes, creates missing sites and lanes, and wakes them. Only one
-- session does so at a time. Returns the number of messages (-1 when another session does it) and the highest id.
CREATE OR REPLACE FUNCTION @schema@.route_v1(p_max int, p_from bigint, p_now bigint, OUT count int, OUT highest bigint)
LANGUAGE plpgsql @lookups@ AS $$
DECLARE
  never constant bigint := 9007199254740991;
  v_ids bigint[];
  v_sites text[];
  t bigint;
BEGIN
  count := 0;
  IF NOT EXISTS (SELECT FROM intake WHERE message >= p_from) THEN RETURN; END IF;
  IF NOT pg_try_advisory_xact_lock(hashtext('mb.route'), hashtext(current_schema())) THEN
    count := -1;
    RETURN;
  END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH gone AS (
    DELETE FROM intake WHERE message = ANY (ARRAY(SELECT message FROM intake WHERE message >= p_from ORDER BY message LIMIT p_max))
    RETURNING message, places, counts
  ), counted AS (
    INSERT INTO tally (place, state, n)
      SELECT c.place, 0, sum(c.n) FROM gone, unnest(gone.places, gone.counts) AS c(place, n) GROUP BY c.place
  ) SELECT array_agg(message), max(message) INTO v_ids, highest FROM gone;
  IF v_ids IS NULL THEN RETURN; END IF;
  count := cardinality(v_ids);
  IF random() < 0.05 THEN PERFORM sum_tally_v1(10000); END IF;
  WITH names AS (
    SELECT DISTINCT coalesce(l.site, r.route) AS name
    FROM unnest(v_ids) AS u(id)
    CROSS JOIN LATERAL (SELECT * FROM recipient WHERE id >= u.id * 65536 AND id < (u.id + 1) * 65536) r
    LEFT JOIN lane l ON l.id = r.lane
  ) SELECT array_agg(name ORDER BY name) INTO v_sites FROM names;
  INSERT INTO site (name, ready, suspended) SELECT name, never, name = '' FROM unnest(v_sites) AS u(name) ORDER BY name
    ON CONFLICT (name) DO NOTHING;
  PERFORM 1 FROM site WHERE name = ANY (v_sites) ORDER BY name FOR UPDATE;
  t := time_v1(p_now);
  INSERT INTO lane (site, tenant, priority, ready)
    SELECT DISTINCT r.route, m.tenant, m.priority, never
    FROM unnest(v_ids) AS u(id) JOIN message m ON m.id = u.id
    CROSS JOIN LATERAL (SELECT * FROM recipient WHERE id >= u.id * 65536 AND id < (u.id + 1) * 65536) r
    WHERE r.lane IS NULL ON CONFLICT (site, tenant, priority) DO NOTHING;
  UPDATE recipient r SET lane = l.id, route = NULL, due = greatest(r.due, l.floor)
    FROM unnest(v_ids) AS u(id) JOIN message m ON m.id = u.id, lane l
    WHERE r.id >= u.id * 65536 AND r.id < (u.id + 1) * 65536 AND r.lane IS NULL
      AND l.site = r.route AND l.tenant = m.tenant AND l.priority = m.priority;
  UPDATE recipient r SET due = l.floor FROM unnest(v_ids) AS u(id), lane l
    WHERE r.id >= u.id * 65536 AND r.id < (u.id + 1) * 65536 AND l.id = r.lane AND r.state = 0 AND r.due < l.floor;
  WITH woken AS (
    UPDATE lane SET ready = least(lane.ready, w.due * 1000)
    FROM (
      SELECT r.lane, min(r.due) AS due FROM unnest(v_ids) AS u(id)
      CROSS JOIN LATERAL (SELECT * FROM recipient WHERE id >= u.id * 65536 AND id < (u.id + 1) * 65536) r
      WHERE r.state = 0 GROUP BY r.lane
    ) w WHERE lane.id = w.lane RETURNING lane.site, w.due * 1000 AS ready
  )
  UPDATE site SET ready = least(site.ready, greatest(w.ready, t * 1000)), lanes_from = least(site.lanes_from, w.ready)
    FROM (SELECT site, min(ready) AS ready FROM woken GROUP BY site) w WHERE site.name = w.site;
END $$;
`;
