-- Recorded and reserved usage, pools and caps. What is counted stays one row per customer, name and window; the
-- name is a feature's, a pool's, "{key id}/{name}" for a cap of one key, or "$spend" for what overage has cost.
-- Order of locks, everywhere: records, then a reservation, then counters in primary-key order, then holds. A
-- counter's holds change only under that counter's lock.
ALTER TABLE setting ADD COLUMN usage_late_seconds INTEGER NOT NULL DEFAULT 86400;
ALTER TABLE plan_version ADD COLUMN pools JSONB NOT NULL DEFAULT '[]';
ALTER TABLE api_key ADD COLUMN caps JSONB NOT NULL DEFAULT '[]';
ALTER TABLE usage_counter ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
-- What is counted without a limit is found by its window.
CREATE INDEX usage_counter_long ON usage_counter (customer_id, "window", window_start)
  WHERE "window" IN ('month', 'billing_period');
-- The many short windows are thrown away by their age.
CREATE INDEX usage_counter_short ON usage_counter (window_start) WHERE "window" IN ('minute', 'hour');

CREATE TABLE usage_record (
  customer_id TEXT NOT NULL,
  id TEXT NOT NULL,
  feature TEXT NOT NULL,
  units BIGINT NOT NULL,
  at TIMESTAMPTZ(3) NOT NULL,
  -- Machine time: how long the id is remembered.
  recorded_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT usage_record_pkey PRIMARY KEY (customer_id, id)
);
CREATE INDEX usage_record_recorded_at_idx ON usage_record (recorded_at);

CREATE TABLE usage_reservation (
  id TEXT NOT NULL,
  customer_id TEXT NOT NULL,
  feature TEXT NOT NULL,
  units BIGINT NOT NULL,
  status TEXT NOT NULL,
  settled_units BIGINT,
  created_at TIMESTAMPTZ(3) NOT NULL,
  expires_at TIMESTAMPTZ(3) NOT NULL,
  -- Machine time: when it stopped being held.
  ended_at TIMESTAMPTZ(3),
  CONSTRAINT usage_reservation_pkey PRIMARY KEY (id)
);
CREATE INDEX usage_reservation_due ON usage_reservation (expires_at) WHERE status = 'held';
CREATE INDEX usage_reservation_ended_at_idx ON usage_reservation (ended_at);

-- One row per counter that a reservation holds units of. `units` is what is held, `weight` how many units of this
-- counter one reserved unit takes; a soft limit's row remembers where its overage began (`included`), its price in
-- billionths of a minor unit, and how much was taken before it (`base`). Weight 0: the row of what it may cost.
CREATE TABLE usage_hold (
  reservation_id TEXT NOT NULL,
  customer_id TEXT NOT NULL,
  feature TEXT NOT NULL,
  "window" TEXT NOT NULL,
  window_start TIMESTAMPTZ(3) NOT NULL,
  units BIGINT NOT NULL,
  weight BIGINT NOT NULL,
  included BIGINT,
  price DECIMAL(65, 12),
  base BIGINT NOT NULL,
  expires_at TIMESTAMPTZ(3) NOT NULL,
  freed BOOLEAN NOT NULL DEFAULT false,
  CONSTRAINT usage_hold_pkey PRIMARY KEY (reservation_id, feature, "window", window_start),
  CONSTRAINT usage_hold_reservation_id_fkey FOREIGN KEY (reservation_id)
    REFERENCES usage_reservation (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX usage_hold_open ON usage_hold (customer_id, feature, "window", window_start, expires_at) WHERE NOT freed;

-- Frees what has expired of counters that the caller has locked; answers what is held of each after that.
CREATE FUNCTION free_expired_holds(
  row_customer text[], row_feature text[], row_window text[], row_start timestamptz[], at_now timestamptz
) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
  WITH freed AS (
    UPDATE usage_hold h SET freed = true
    FROM unnest(row_customer, row_feature, row_window, row_start) AS r (c, f, w, s)
    WHERE (h.customer_id, h.feature, h."window", h.window_start) = (r.c, r.f, r.w, r.s)
      AND NOT h.freed AND h.expires_at <= at_now
    RETURNING h.customer_id, h.feature, h."window", h.window_start, h.units
  ), sums AS (
    SELECT customer_id, feature, "window", window_start, sum(units)::bigint AS units FROM freed GROUP BY 1, 2, 3, 4
  )
  UPDATE usage_counter u SET held = u.held - s.units FROM sums s
  WHERE (u.customer_id, u.feature, u."window", u.window_start) = (s.customer_id, s.feature, s."window", s.window_start);
  RETURN (
    SELECT array_agg(u.held ORDER BY r.n)
    FROM unnest(row_customer, row_feature, row_window, row_start) WITH ORDINALITY AS r (c, f, w, s, n)
    JOIN usage_counter u ON (u.customer_id, u.feature, u."window", u.window_start) = (r.c, r.f, r.w, r.s)
  );
END $$;

-- Counts a batch of requests: each takes all of its limits or none, in the order given.
--   row_*    the distinct counter rows touched
--   check_*  one entry per request and limit, grouped by request: which request (1…), which row (1…), the limit's
--            max (NULL: counts, never denies), and the units
--   at_now   business time: reservations that have expired by then no longer hold anything
--   for soft limits (NULL elsewhere): the units included, the price of one beyond them in billionths of a minor
--   unit, the row that adds up what overage has cost in the billing period, and what it may cost (NULL: any)
-- Answers, per request, the position of the first check that failed (0: taken) and what it cost; per check what is
-- used and held now. Held units are taken until they are settled or freed, so they also come before further ones
-- when overage is priced.
-- Rows are locked in primary-key order, and only then read: unordered locks deadlock, and summing a batch per row
-- would refuse all of it where part would fit. Sums stop at 2^53 - 1, money at 2 * 10^18.
DROP FUNCTION count_usage(text[], text[], text[], timestamptz[], int[], int[], bigint[], bigint[]);
CREATE FUNCTION count_usage(
  row_customer text[], row_feature text[], row_window text[], row_start timestamptz[],
  check_request int[], check_row int[], check_max bigint[], check_units bigint[],
  at_now timestamptz DEFAULT NULL,
  check_included bigint[] DEFAULT NULL, check_price numeric[] DEFAULT NULL,
  check_spend_row int[] DEFAULT NULL, check_spend_max bigint[] DEFAULT NULL,
  OUT failed int[], OUT used_now bigint[], OUT held_now bigint[], OUT spent bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
  units_top CONSTANT bigint := 9007199254740991;
  money_top CONSTANT bigint := 2000000000000000000;
  counts bigint[];
  holds bigint[];
  before bigint[];
  any_held boolean;
  has_soft boolean := check_spend_row IS NOT NULL;
  checks int := cardinality(check_request);
  first int := 1;
  last int;
  bad int;
  taken bigint;
  money bigint;
  cost bigint;
  spend_row int;
BEGIN
  LOOP
    INSERT INTO usage_counter (customer_id, feature, "window", window_start)
      SELECT DISTINCT c, f, w, s FROM unnest(row_customer, row_feature, row_window, row_start) AS r (c, f, w, s)
      ORDER BY 1, 2, 3, 4
      ON CONFLICT DO NOTHING;
    SELECT array_agg(locked.used ORDER BY locked.n), array_agg(locked.held ORDER BY locked.n), bool_or(locked.held > 0)
    INTO counts, holds, any_held FROM (
      SELECT u.used, u.held, r.n
      FROM usage_counter u
      JOIN unnest(row_customer, row_feature, row_window, row_start) WITH ORDINALITY AS r (c, f, w, s, n)
        ON (u.customer_id, u.feature, u."window", u.window_start) = (r.c, r.f, r.w, r.s)
      ORDER BY u.customer_id, u.feature, u."window", u.window_start
      FOR UPDATE OF u
    ) locked;
    -- Old windows are thrown away some day, and that may be between the two statements.
    EXIT WHEN coalesce(cardinality(counts), 0) = coalesce(cardinality(row_customer), 0);
  END LOOP;
  IF any_held THEN
    holds := free_expired_holds(row_customer, row_feature, row_window, row_start, at_now);
  END IF;
  before := counts;
  failed := '{}';
  spent := '{}';
  used_now := array_fill(0::bigint, ARRAY[checks]);
  held_now := used_now;
  WHILE first <= checks LOOP
    last := first;
    WHILE last < checks AND check_request[last + 1] = check_request[first] LOOP
      last := last + 1;
    END LOOP;
    bad := 0;
    money := 0;
    spend_row := 0;
    FOR i IN first..last LOOP
      taken := counts[check_row[i]] + holds[check_row[i]];
      IF taken + check_units[i] > check_max[i] THEN
        bad := i;
        EXIT;
      END IF;
      IF has_soft AND check_spend_row[i] > 0 THEN
        spend_row := check_spend_row[i];
        cost := least(money_top, ceil(check_price[i] * (greatest(0, taken + check_units[i] - check_included[i])
          - greatest(0, taken - check_included[i]))));
        money := least(money_top, money + cost);
        IF cost > 0 AND counts[spend_row] + holds[spend_row] + money > check_spend_max[i] THEN
          bad := i;
          EXIT;
        END IF;
      END IF;
    END LOOP;
    IF bad > 0 THEN
      money := 0;
    END IF;
    FOR i IN first..last LOOP
      IF bad = 0 THEN
        counts[check_row[i]] := least(units_top, counts[check_row[i]] + check_units[i]);
      END IF;
      used_now[i] := counts[check_row[i]];
      held_now[i] := holds[check_row[i]];
    END LOOP;
    IF money > 0 THEN
      counts[spend_row] := least(money_top, counts[spend_row] + money);
    END IF;
    failed := failed || bad;
    spent := spent || money;
    first := last + 1;
  END LOOP;
  UPDATE usage_counter u SET used = r.now
  FROM unnest(row_customer, row_feature, row_window, row_start, counts, before) AS r (c, f, w, s, now, was)
  WHERE r.now <> r.was
    AND (u.customer_id, u.feature, u."window", u.window_start) = (r.c, r.f, r.w, r.s);
END $$;

-- Records a batch of usage that has happened: never denies, and counts each id of a customer once.
--   record_*  the records, no id twice for one customer; the check_* entries name them by position (1…)
-- Answers, per record, whether it was new, and what was recorded under its id the first time.
CREATE FUNCTION record_usage(
  record_customer text[], record_id text[], record_feature text[], record_units bigint[], record_at timestamptz[],
  row_customer text[], row_feature text[], row_window text[], row_start timestamptz[],
  check_record int[], check_row int[], check_units bigint[], at_now timestamptz,
  check_included bigint[], check_price numeric[], check_spend_row int[],
  OUT is_new boolean[], OUT first_feature text[], OUT first_units bigint[], OUT first_at timestamptz[]
) LANGUAGE plpgsql AS $$
BEGIN
  -- In one order for everybody: whoever meets an id that another is about to record waits for that one.
  WITH inserted AS (
    INSERT INTO usage_record AS u (customer_id, id, feature, units, at, recorded_at)
    SELECT c, i, f, n, t, clock_timestamp()
    FROM unnest(record_customer, record_id, record_feature, record_units, record_at) AS r (c, i, f, n, t)
    ORDER BY c, i
    ON CONFLICT DO NOTHING
    RETURNING u.customer_id, u.id
  )
  SELECT array_agg(s.id IS NOT NULL ORDER BY r.n) INTO is_new
  FROM unnest(record_customer, record_id) WITH ORDINALITY AS r (c, i, n)
  LEFT JOIN inserted s ON (s.customer_id, s.id) = (r.c, r.i);
  -- A statement of its own: it sees what others committed while the first one waited.
  SELECT array_agg(u.feature ORDER BY r.n), array_agg(u.units ORDER BY r.n), array_agg(u.at ORDER BY r.n)
  INTO first_feature, first_units, first_at
  FROM unnest(record_customer, record_id) WITH ORDINALITY AS r (c, i, n)
  JOIN usage_record u ON (u.customer_id, u.id) = (r.c, r.i);
  IF true = ANY (is_new) THEN
    PERFORM count_usage(row_customer, row_feature, row_window, row_start, check_record, check_row,
      array_fill(NULL::bigint, ARRAY[cardinality(check_record)]),
      (SELECT array_agg(CASE WHEN is_new[c.record] THEN c.units ELSE 0 END ORDER BY c.n)
       FROM unnest(check_record, check_units) WITH ORDINALITY AS c (record, units, n)),
      at_now, check_included, check_price, check_spend_row, NULL);
  END IF;
END $$;

-- Takes units of all limits of one request, or of none, and holds them instead of using them.
CREATE FUNCTION reserve_usage(
  new_id text, new_customer text, new_feature text, new_units bigint, new_expires_at timestamptz, at_now timestamptz,
  row_customer text[], row_feature text[], row_window text[], row_start timestamptz[],
  check_row int[], check_max bigint[], check_units bigint[],
  check_included bigint[], check_price numeric[], check_spend_row int[], check_spend_max bigint[],
  check_weight bigint[],
  OUT failed int, OUT used_now bigint[], OUT held_now bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
  counted record;
  spend_row int := (SELECT max(s) FROM unnest(check_spend_row) s);
BEGIN
  counted := count_usage(row_customer, row_feature, row_window, row_start,
    array_fill(1, ARRAY[cardinality(check_row)]), check_row, check_max, check_units,
    at_now, check_included, check_price, check_spend_row, check_spend_max);
  failed := coalesce(counted.failed[1], 0);
  used_now := counted.used_now;
  held_now := counted.held_now;
  IF failed > 0 THEN
    RETURN;
  END IF;
  INSERT INTO usage_reservation (id, customer_id, feature, units, status, created_at, expires_at)
    VALUES (new_id, new_customer, new_feature, new_units, 'held', at_now, new_expires_at);
  -- What one unit takes is not a limit's units divided by the request's: these may have been cut at the top.
  INSERT INTO usage_hold (reservation_id, customer_id, feature, "window", window_start, units, weight, included,
      price, base, expires_at)
    SELECT new_id, row_customer[c.r], row_feature[c.r], row_window[c.r], row_start[c.r], c.units, c.weight,
      c.included, c.price, c.used + c.held - c.units, new_expires_at
    FROM unnest(check_row, check_units, check_weight, check_included, check_price, used_now, held_now)
      AS c (r, units, weight, included, price, used, held);
  IF spend_row > 0 THEN
    INSERT INTO usage_hold (reservation_id, customer_id, feature, "window", window_start, units, weight, base,
        expires_at)
      VALUES (new_id, row_customer[spend_row], row_feature[spend_row], row_window[spend_row], row_start[spend_row],
        counted.spent[1], 0, 0, new_expires_at);
  END IF;
  UPDATE usage_counter u SET used = u.used - h.units, held = u.held + h.units FROM usage_hold h
  WHERE h.reservation_id = new_id
    AND (u.customer_id, u.feature, u."window", u.window_start) = (h.customer_id, h.feature, h."window", h.window_start);
  SELECT array_agg(c.used - c.units ORDER BY c.n), array_agg(c.held + c.units ORDER BY c.n) INTO used_now, held_now
  FROM unnest(check_units, used_now, held_now) WITH ORDINALITY AS c (units, used, held, n);
END $$;

-- Ends a reservation: with units they are recorded in the windows it was made in, whatever the balance and however
-- late; without any it is released. The first settlement stays, and so does a release until a settlement comes.
CREATE FUNCTION end_reservation(reservation text, settle bigint, at_now timestamptz)
RETURNS SETOF usage_reservation LANGUAGE plpgsql AS $$
DECLARE
  units_top CONSTANT numeric := 9007199254740991;
  money_top CONSTANT numeric := 2000000000000000000;
  found_one usage_reservation;
  cost bigint;
BEGIN
  SELECT * INTO found_one FROM usage_reservation WHERE id = reservation FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF found_one.status = 'settled' OR (settle IS NULL AND found_one.status <> 'held') THEN
    RETURN NEXT found_one;
    RETURN;
  END IF;
  -- Counting nothing locks the rows in their order and frees what has expired of them.
  PERFORM count_usage(array_agg(h.customer_id), array_agg(h.feature), array_agg(h."window"), array_agg(h.window_start),
    '{}', '{}', '{}', '{}', at_now) FROM usage_hold h WHERE h.reservation_id = reservation;
  IF settle IS NOT NULL THEN
    -- Units that are still held were priced where they stood when they were reserved; further ones stand at the end.
    SELECT least(money_top, coalesce(sum(
        ceil(s.price * (greatest(0, s.base + s.within - s.included) - greatest(0, s.base - s.included)))
        + ceil(s.price * (greatest(0, s.taken + s.units - s.within - s.included) - greatest(0, s.taken - s.included)))
      ), 0))::bigint INTO cost
    FROM (
      SELECT h.price, h.base::numeric, h.included, (u.used + u.held)::numeric AS taken, h.weight * settle::numeric AS units,
        CASE WHEN h.freed THEN 0 ELSE least(h.weight * settle::numeric, h.units) END AS within
      FROM usage_hold h JOIN usage_counter u
        ON (u.customer_id, u.feature, u."window", u.window_start) = (h.customer_id, h.feature, h."window", h.window_start)
      WHERE h.reservation_id = reservation AND h.price IS NOT NULL
    ) s;
    UPDATE usage_counter u
    SET used = CASE WHEN h.weight = 0 THEN least(money_top, u.used::numeric + cost)
      ELSE least(units_top, u.used + h.weight * settle::numeric) END
    FROM usage_hold h
    WHERE h.reservation_id = reservation
      AND (u.customer_id, u.feature, u."window", u.window_start) = (h.customer_id, h.feature, h."window", h.window_start);
  END IF;
  UPDATE usage_counter u SET held = u.held - h.units FROM usage_hold h
  WHERE h.reservation_id = reservation AND NOT h.freed
    AND (u.customer_id, u.feature, u."window", u.window_start) = (h.customer_id, h.feature, h."window", h.window_start);
  UPDATE usage_hold SET freed = true WHERE reservation_id = reservation AND NOT freed;
  RETURN QUERY UPDATE usage_reservation SET
    status = CASE WHEN settle IS NOT NULL THEN 'settled' WHEN expires_at <= at_now THEN 'expired' ELSE 'released' END,
    settled_units = settle, ended_at = clock_timestamp()
  WHERE id = reservation RETURNING *;
END $$;

-- Makes the rows of expired reservations follow, a batch at a time; answers how many.
CREATE FUNCTION expire_reservations(at_now timestamptz, batch int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  due text[];
BEGIN
  SELECT array_agg(id) INTO due FROM (
    SELECT id FROM usage_reservation WHERE status = 'held' AND expires_at <= at_now
    ORDER BY expires_at LIMIT batch FOR UPDATE SKIP LOCKED
  ) d;
  IF due IS NULL THEN
    RETURN 0;
  END IF;
  PERFORM count_usage(array_agg(customer_id), array_agg(feature), array_agg("window"), array_agg(window_start),
    '{}', '{}', '{}', '{}', at_now)
  FROM (SELECT DISTINCT customer_id, feature, "window", window_start FROM usage_hold WHERE reservation_id = ANY (due)) h;
  UPDATE usage_reservation SET status = 'expired', ended_at = clock_timestamp() WHERE id = ANY (due);
  RETURN cardinality(due);
END $$;
