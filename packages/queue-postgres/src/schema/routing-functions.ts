/**
 * Routing of recipients whose site is not known yet. They are in the lanes of the site '', which is always suspended,
 * so that no claim finds them.
 */
export const routingFunctions = `
-- Returns due recipients without a site, lanes in turn, and holds these lanes for p_hold.
CREATE FUNCTION @schema@.unrouted_v1(p_max int, p_hold bigint, p_now bigint)
RETURNS TABLE (message text, "position" int, domain text, tenant text, tag text, sender text, envelope text)
LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  t bigint := time_v1(p_now);
  l record;
  v_ids bigint[] := '{}';
  v_found bigint[];
BEGIN
  IF NOT EXISTS (SELECT FROM lane WHERE site = '' AND ready < (t + 1) * 1000) THEN RETURN; END IF;
  -- If a crash loses a hold, the recipients are only returned again.
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM 1 FROM site WHERE name = '' FOR UPDATE;
  t := time_v1(p_now);
  FOR l IN SELECT id, floor FROM lane WHERE site = '' AND ready < (t + 1) * 1000 ORDER BY ready LIMIT 20 LOOP
    v_found := ARRAY(
      SELECT r.id FROM recipient r
      WHERE r.lane = l.id AND r.state = 0 AND r.due >= 0 AND r.due >= l.floor AND r.due <= t
      ORDER BY r.due, r.id LIMIT p_max - cardinality(v_ids));
    IF cardinality(v_found) = 0 THEN
      PERFORM wake_unrouted_v1(l.id, 0);
    ELSE
      UPDATE lane SET ready = (t + p_hold) * 1000 WHERE id = l.id;
    END IF;
    v_ids := v_ids || v_found;
    EXIT WHEN cardinality(v_ids) >= p_max;
  END LOOP;
  RETURN QUERY SELECT m.id::text, (r.id & 65535)::int, r.domain, m.tenant, m.tag, m.sender, m.envelope
    FROM unnest(v_ids) WITH ORDINALITY AS u(id, n) JOIN recipient r ON r.id = u.id JOIN message m ON m.id = r.id >> 16
    ORDER BY u.n;
END $$;

-- Sets when a lane of recipients without a site is ready; those due up to p_gone have left it. The caller holds the lock
-- of the site.
CREATE FUNCTION @schema@.wake_unrouted_v1(p_lane bigint, p_gone bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_next bigint;
BEGIN
  SELECT r.due INTO v_next FROM recipient r
    WHERE r.lane = p_lane AND r.state = 0 AND r.due >= 0 AND r.due >= (SELECT l.floor FROM lane l WHERE l.id = p_lane)
    ORDER BY r.due, r.id LIMIT 1;
  UPDATE lane SET ready = coalesce(v_next * 1000, 9007199254740991), floor = greatest(floor, least(v_next, p_gone))
    WHERE id = p_lane;
END $$;

-- Assigns sites to recipients without one, and aliases to domains. A domain with settings of its own is its own site.
CREATE FUNCTION @schema@.assign_sites_v1(
  p_ids bigint[], p_sites text[], p_domains text[], p_aliases text[], p_ttls bigint[], p_now bigint
) RETURNS void LANGUAGE plpgsql @lookups@ AS $$
#variable_conflict use_column
DECLARE
  never constant bigint := 9007199254740991;
  t bigint := time_v1(p_now);
  v_ids bigint[];
  v_sites text[];
  v_old bigint[];
  v_lanes bigint[];
  v_states int[];
  v_dues bigint[];
BEGIN
  -- If a crash loses this, the routes are only looked up again.
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO alias (domain, site, expires)
    SELECT DISTINCT ON (x.domain) x.domain, x.site, t + x.ttl FROM unnest(p_domains, p_aliases, p_ttls) AS x(domain, site, ttl)
    WHERE NOT own_site_v1(x.domain, t) ORDER BY x.domain
    ON CONFLICT (domain) DO UPDATE SET site = excluded.site, expires = excluded.expires;
  SELECT array_agg(r.id), array_agg(CASE WHEN own_site_v1(r.domain, t) THEN r.domain ELSE x.site END)
    INTO v_ids, v_sites FROM unnest(p_ids, p_sites) AS x(id, site) JOIN recipient r ON r.id = x.id;
  IF v_ids IS NULL THEN RETURN; END IF;
  INSERT INTO site (name, ready) SELECT DISTINCT u.name COLLATE "C", never FROM unnest(v_sites) AS u(name) ORDER BY 1
    ON CONFLICT (name) DO NOTHING;
  PERFORM 1 FROM site WHERE name = ANY (v_sites || ''::text) ORDER BY name FOR UPDATE;
  t := time_v1(p_now);
  INSERT INTO lane (site, tenant, priority, ready)
    SELECT DISTINCT x.site COLLATE "C", o.tenant, o.priority, never FROM unnest(v_ids, v_sites) AS x(id, site)
    JOIN recipient r ON r.id = x.id JOIN lane o ON o.id = r.lane WHERE o.site = ''
    ON CONFLICT (site, tenant, priority) DO NOTHING;
  WITH moved AS (
    UPDATE recipient r SET lane = l.id, due = greatest(r.due, l.floor)
    FROM unnest(v_ids, v_sites) AS x(id, site), lane o, lane l
    WHERE r.id = x.id AND o.id = r.lane AND o.site = '' AND l.site = x.site COLLATE "C" AND l.tenant = o.tenant
      AND l.priority = o.priority
    RETURNING o.id AS old, l.id AS lane, r.state, r.due
  ) SELECT array_agg(old), array_agg(lane), array_agg(state), array_agg(due) INTO v_old, v_lanes, v_states, v_dues FROM moved;
  IF v_old IS NULL THEN RETURN; END IF;
  WITH woken AS (
    UPDATE lane SET ready = least(lane.ready, w.due * 1000) FROM (
      SELECT u.lane, min(u.due) AS due FROM unnest(v_lanes, v_states, v_dues) AS u(lane, state, due) WHERE u.state = 0 GROUP BY u.lane
    ) w WHERE lane.id = w.lane RETURNING lane.site, w.due * 1000 AS ready
  )
  UPDATE site SET ready = least(site.ready, greatest(w.ready, t * 1000)), lanes_from = least(site.lanes_from, w.ready)
    FROM (SELECT site, min(ready) AS ready FROM woken GROUP BY site) w WHERE site.name = w.site;
  PERFORM wake_unrouted_v1(u.old, max(u.due)) FROM unnest(v_old, v_dues) AS u(old, due) GROUP BY u.old;
END $$;
`;
