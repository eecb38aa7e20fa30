-- The two singletons exist from the start, so that nobody needs to ask.
INSERT INTO setting (id) VALUES (1);
ALTER TABLE setting ADD CONSTRAINT setting_single CHECK (id = 1);
INSERT INTO clock (id) VALUES (1);
ALTER TABLE clock ADD CONSTRAINT clock_single CHECK (id = 1);

-- Only one customer may hold an external id, but a deleted one gives it back.
CREATE UNIQUE INDEX customer_external_id_live ON customer (external_id) WHERE deleted_at IS NULL;
-- Purchases of one customer exclude each other here, however many processes ask at once.
CREATE UNIQUE INDEX purchase_one_at_a_time ON purchase (customer_id) WHERE state IN ('open', 'checkout');
-- A customer has one subscription of ours alone (a free one, or one that waits for its first payment).
CREATE UNIQUE INDEX subscription_one_of_ours ON subscription (customer_id)
  WHERE stripe_subscription_id IS NULL AND status IN ('active', 'incomplete');

-- Drawn before each fetch from Stripe: the write with the higher ticket is the later look.
CREATE SEQUENCE stripe_ticket;

-- Facts that change are announced in the writer's own transaction, so the news leaves exactly when the
-- change is there to be read, and SQL typed by hand is announced too. NOTIFY payloads are limited to
-- 8000 bytes (PostgreSQL manual, NOTIFY), so beyond 100 ids the message names none, which means all.
-- Arguments: the kind of fact, the column that names the cached thing.
CREATE FUNCTION announce_facts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  kind text := TG_ARGV[0];
  id_column text := TG_ARGV[1];
  ids text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    EXECUTE format('SELECT array_agg(DISTINCT %I::text) FROM new_rows', id_column) INTO ids;
  ELSIF TG_OP = 'DELETE' THEN
    EXECUTE format('SELECT array_agg(DISTINCT %I::text) FROM old_rows', id_column) INTO ids;
  ELSE
    -- The time of last use is no fact of a decision, and announcing it would empty the caches every minute.
    EXECUTE format(
      'SELECT array_agg(DISTINCT id) FROM (
         SELECT unnest(ARRAY[n.%1$I::text, o.%1$I::text]) AS id FROM new_rows n JOIN old_rows o USING (id)
         WHERE to_jsonb(n) - ''last_used_at'' <> to_jsonb(o) - ''last_used_at'') changed', id_column) INTO ids;
  END IF;
  IF ids IS NOT NULL THEN
    PERFORM pg_notify('tollgate_facts', json_build_object(
      'kind', kind, 'ids', CASE WHEN cardinality(ids) > 100 THEN NULL ELSE ids END)::text);
  END IF;
  RETURN NULL;
END $$;

DO $$
DECLARE
  fact record;
BEGIN
  FOR fact IN SELECT * FROM (VALUES
    ('customer', 'customer', 'id'), ('api_key', 'customer', 'customer_id'),
    ('subscription', 'customer', 'customer_id'), ('plan', 'plan', 'id'), ('plan_version', 'plan', 'plan_id'),
    ('route_policy', 'rule', 'id'), ('setting', 'rule', 'id'), ('clock', 'clock', 'id')
  ) AS t (tab, kind, id_column) LOOP
    EXECUTE format('CREATE TRIGGER announce_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION announce_facts(%L, %L)', fact.tab, fact.kind, fact.id_column);
    EXECUTE format('CREATE TRIGGER announce_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION announce_facts(%L, %L)', fact.tab, fact.kind, fact.id_column);
    EXECUTE format('CREATE TRIGGER announce_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
      FOR EACH STATEMENT EXECUTE FUNCTION announce_facts(%L, %L)', fact.tab, fact.kind, fact.id_column);
  END LOOP;
END $$;

-- Counts a tick's requests: each takes all of its limits or none, in the order given.
--   row_*    the distinct counter rows touched
--   check_*  one entry per request and limit, grouped by request: which request (1…), which row (1…),
--            the limit's max (NULL: counts, never denies), and the units.
-- Answers, per request, the position of the first check that failed (0: taken), and per check what is used now.
-- Rows are locked in primary-key order, and only then read: unordered locks deadlock, and summing a tick
-- per row would refuse all of it where part would fit.
CREATE FUNCTION count_usage(
  row_customer text[], row_feature text[], row_window text[], row_start timestamptz[],
  check_request int[], check_row int[], check_max bigint[], check_units bigint[],
  OUT failed int[], OUT used_now bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
  counts bigint[];
  before bigint[];
  checks int := cardinality(check_request);
  first int := 1;
  last int;
  bad int;
BEGIN
  INSERT INTO usage_counter (customer_id, feature, "window", window_start)
    SELECT DISTINCT c, f, w, s FROM unnest(row_customer, row_feature, row_window, row_start) AS r (c, f, w, s)
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING;
  SELECT array_agg(locked.used ORDER BY locked.n) INTO counts FROM (
    SELECT u.used, r.n
    FROM usage_counter u
    JOIN unnest(row_customer, row_feature, row_window, row_start) WITH ORDINALITY AS r (c, f, w, s, n)
      ON (u.customer_id, u.feature, u."window", u.window_start) = (r.c, r.f, r.w, r.s)
    ORDER BY u.customer_id, u.feature, u."window", u.window_start
    FOR UPDATE OF u
  ) locked;
  before := counts;
  failed := '{}';
  used_now := array_fill(0::bigint, ARRAY[checks]);
  WHILE first <= checks LOOP
    last := first;
    WHILE last < checks AND check_request[last + 1] = check_request[first] LOOP
      last := last + 1;
    END LOOP;
    bad := 0;
    FOR i IN first..last LOOP
      IF counts[check_row[i]] + check_units[i] > check_max[i] THEN
        bad := i;
        EXIT;
      END IF;
    END LOOP;
    FOR i IN first..last LOOP
      IF bad = 0 THEN
        counts[check_row[i]] := counts[check_row[i]] + check_units[i];
      END IF;
      used_now[i] := counts[check_row[i]];
    END LOOP;
    failed := failed || bad;
    first := last + 1;
  END LOOP;
  UPDATE usage_counter u SET used = r.now
  FROM unnest(row_customer, row_feature, row_window, row_start, counts, before) AS r (c, f, w, s, now, was)
  WHERE r.now <> r.was
    AND (u.customer_id, u.feature, u."window", u.window_start) = (r.c, r.f, r.w, r.s);
END $$;
