-- Overage on its way to Stripe: which plan held when, what is accounted of each window, what is to be charged, and
-- what was made at Stripe for it.

-- Stretches of a paid subscription with one plan version and one billing period, for plans with soft limits alone.
-- Kept by a trigger, in the transaction that changes the subscription, so that nobody can forget it.
CREATE TABLE subscription_term (
  subscription_id TEXT NOT NULL,
  since TIMESTAMPTZ(3) NOT NULL,
  customer_id TEXT NOT NULL,
  plan_version_id TEXT NOT NULL,
  period_start TIMESTAMPTZ(3) NOT NULL,
  period_end TIMESTAMPTZ(3) NOT NULL,
  is_trial BOOLEAN NOT NULL,
  -- Null while it holds.
  until TIMESTAMPTZ(3),
  -- The counters of the windows that were in progress when it ended, as they were when we heard of it.
  counted JSONB NOT NULL DEFAULT '[]',
  -- What was in progress at its end is accounted.
  closed BOOLEAN NOT NULL DEFAULT false,
  -- Nothing of it can change any more: usage of its time would come too late.
  settled BOOLEAN NOT NULL DEFAULT false,
  CONSTRAINT subscription_term_pkey PRIMARY KEY (subscription_id, since),
  CONSTRAINT subscription_term_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscription (id)
    ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX subscription_term_unsettled ON subscription_term (plan_version_id) WHERE NOT settled;
CREATE INDEX subscription_term_unclosed ON subscription_term (until) WHERE NOT closed;

-- Per window, the units beyond the limit that have been put on a charge, and what its counter said when that was
-- last looked at after the window's end.
CREATE TABLE overage_window (
  customer_id TEXT NOT NULL,
  feature TEXT NOT NULL,
  "window" TEXT NOT NULL,
  window_start TIMESTAMPTZ(3) NOT NULL,
  units BIGINT NOT NULL,
  counted BIGINT NOT NULL DEFAULT 0,
  CONSTRAINT overage_window_pkey PRIMARY KEY (customer_id, feature, "window", window_start)
);

-- Overage as Stripe knows it: a meter and a metered price of the plan's product, both made by us, once.
CREATE TABLE overage_price (
  id TEXT NOT NULL,
  plan_id TEXT NOT NULL,
  name TEXT NOT NULL,
  "window" TEXT NOT NULL,
  unit_amount_decimal TEXT NOT NULL,
  currency TEXT NOT NULL,
  "interval" TEXT NOT NULL,
  -- What stands on invoices; of the plan's name when this was first needed.
  title TEXT NOT NULL,
  stripe_meter_id TEXT,
  stripe_price_id TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT overage_price_pkey PRIMARY KEY (id),
  CONSTRAINT overage_price_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plan (id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX overage_price_one ON overage_price
  (plan_id, name, "window", unit_amount_decimal, currency, "interval");
CREATE UNIQUE INDEX overage_price_stripe_price_id_key ON overage_price (stripe_price_id);

-- The metered item of a subscription: an intent to add it, or where it is no longer wanted, to take it away.
CREATE TABLE overage_item (
  id TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  overage_price_id TEXT NOT NULL,
  wanted BOOLEAN NOT NULL DEFAULT true,
  stripe_item_id TEXT,
  -- due or done; one that was taken away has no row.
  state TEXT NOT NULL,
  due_at TIMESTAMPTZ(3) NOT NULL,
  done_at TIMESTAMPTZ(3),
  CONSTRAINT overage_item_pkey PRIMARY KEY (id),
  CONSTRAINT overage_item_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscription (id)
    ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT overage_item_overage_price_id_fkey FOREIGN KEY (overage_price_id) REFERENCES overage_price (id)
    ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX overage_item_subscription_id_overage_price_id_key ON overage_item (subscription_id, overage_price_id);
CREATE INDEX overage_item_due ON overage_item (due_at) WHERE state = 'due';

-- What is to be paid for the overage of one billing period at one price. Collects while the period lasts, is then
-- fixed, and becomes a meter event or an invoice item, once.
CREATE TABLE overage_charge (
  id TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  customer_id TEXT NOT NULL,
  overage_price_id TEXT NOT NULL,
  period_start TIMESTAMPTZ(3) NOT NULL,
  period_end TIMESTAMPTZ(3) NOT NULL,
  is_trial BOOLEAN NOT NULL,
  -- Units that were used beyond the limit, and those of them that are charged.
  units BIGINT NOT NULL,
  billed_units BIGINT,
  -- open: still collecting; due; done; waived: nothing of it is charged.
  state TEXT NOT NULL,
  -- Why less is charged than was used: trial, spend_cap, rounds_to_zero.
  reason TEXT,
  -- meter or item: saved before Stripe is called, so that whoever goes on knows what may have happened.
  way TEXT,
  -- Stripe has taken the meter event; due again when its invoice should have closed.
  metered_at TIMESTAMPTZ(3),
  stripe_invoice_id TEXT,
  stripe_invoice_item_id TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL,
  due_at TIMESTAMPTZ(3),
  done_at TIMESTAMPTZ(3),
  CONSTRAINT overage_charge_pkey PRIMARY KEY (id),
  CONSTRAINT overage_charge_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscription (id)
    ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT overage_charge_overage_price_id_fkey FOREIGN KEY (overage_price_id) REFERENCES overage_price (id)
    ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX overage_charge_one_open ON overage_charge (subscription_id, period_start, overage_price_id)
  WHERE state = 'open';
CREATE INDEX overage_charge_due ON overage_charge (due_at) WHERE state = 'due';
CREATE INDEX overage_charge_of_period ON overage_charge (customer_id, period_start);

-- Up to when every window that had ended was accounted: before that, no counter may be thrown away.
CREATE TABLE overage_progress (
  id INTEGER NOT NULL DEFAULT 1,
  accounted_until TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT overage_progress_pkey PRIMARY KEY (id),
  CONSTRAINT overage_progress_single CHECK (id = 1)
);
INSERT INTO overage_progress (accounted_until) VALUES ('-infinity');

-- Limits of paid plans that sell what is beyond them: domain/overage.ts in SQL.
CREATE VIEW soft_limit AS
  SELECT v.id AS plan_version_id, v.plan_id, v.price_currency AS currency, v.price_interval AS "interval",
    n.name, l->>'window' AS "window", (l->>'max')::bigint AS max, l->'overage'->>'unit_amount_decimal' AS unit_amount_decimal
  FROM plan_version v
  CROSS JOIN LATERAL (
    SELECT f->>'feature' AS name, f->'limits' AS limits FROM jsonb_array_elements(v.features) f
    UNION ALL SELECT p->>'pool', p->'limits' FROM jsonb_array_elements(v.pools) p
  ) n
  CROSS JOIN LATERAL jsonb_array_elements(n.limits) l
  WHERE v.price_amount IS NOT NULL AND (l->'overage'->>'unit_amount_decimal')::numeric > 0;

-- When a window ends, to the hour: daylight saving is the reader's business. Months are counted from a day that is
-- the first or second one of its month in every timezone.
CREATE FUNCTION window_ends_about(kind text, began timestamptz, period_end timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE kind
    WHEN 'minute' THEN began + interval '1 minute'
    WHEN 'hour' THEN began + interval '1 hour'
    WHEN 'day' THEN began + interval '23 hours'
    WHEN 'month' THEN ((began AT TIME ZONE 'UTC') + interval '14 hours' + interval '1 month' - interval '15 hours') AT TIME ZONE 'UTC'
    ELSE period_end END
$$;

-- Subscriptions with something to account at an instant: windows that have ended beyond their limit and were counted in
-- since they were last looked at, terms that have ended, charges whose period is over. May name one too many, never one
-- too few. An override may make a limit smaller; where it makes one larger, the reader sees it.
CREATE FUNCTION overage_due(at_now timestamptz) RETURNS TABLE (subscription_id text) LANGUAGE sql STABLE AS $$
  SELECT t.subscription_id
  FROM subscription_term t
  JOIN soft_limit l ON l.plan_version_id = t.plan_version_id
  CROSS JOIN LATERAL (SELECT min(o."limit") AS max FROM override o WHERE o.customer_id = t.customer_id) o
  JOIN usage_counter u ON u.customer_id = t.customer_id AND u.feature = l.name AND u."window" = l."window"
    AND u.used > least(l.max, o.max)
  LEFT JOIN overage_window w ON (w.customer_id, w.feature, w."window", w.window_start) = (u.customer_id, u.feature, u."window", u.window_start)
  WHERE NOT t.settled AND u.used > coalesce(w.counted, 0)
    AND u.window_start < coalesce(t.until, 'infinity')
    AND CASE WHEN u."window" = 'billing_period' THEN u.window_start = t.period_start
      ELSE window_ends_about(u."window", u.window_start, NULL) > t.since - interval '2 hours' END
    AND window_ends_about(u."window", u.window_start, least(t.period_end, t.until)) <= least(at_now, t.until)
  UNION SELECT t.subscription_id FROM subscription_term t WHERE NOT t.closed AND t.until <= at_now
  UNION SELECT c.subscription_id FROM overage_charge c
  WHERE c.state = 'open' AND (c.period_end <= at_now OR NOT EXISTS (
    SELECT FROM subscription_term t
    WHERE t.subscription_id = c.subscription_id AND t.period_start = c.period_start AND t.until IS NULL))
$$;

-- Counters of the customer whose window may have been in progress at an instant; which exactly is decided by the reader.
CREATE FUNCTION counted_around(customer text, at_instant timestamptz, period_start timestamptz)
RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'name', u.feature, 'window', u."window", 'start', ms(u.window_start), 'used', u.used)), '[]')
  FROM usage_counter u
  WHERE u.customer_id = customer AND u.used > 0 AND u.feature ~ '^[a-z0-9_-]+$' AND u.window_start < at_instant
    AND u.window_start >= CASE u."window" WHEN 'minute' THEN at_instant - interval '1 minute'
      WHEN 'hour' THEN at_instant - interval '1 hour' WHEN 'day' THEN at_instant - interval '26 hours'
      WHEN 'month' THEN at_instant - interval '32 days' ELSE period_start END
$$;

CREATE FUNCTION keep_subscription_terms() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  running subscription_term;
  business_now timestamptz := (SELECT clock_timestamp() + offset_ms * interval '1 millisecond' FROM clock);
  begins timestamptz;
  ends timestamptz;
BEGIN
  SELECT * INTO running FROM subscription_term WHERE subscription_id = NEW.id AND until IS NULL;
  IF NEW.status IN ('canceled', 'incomplete_expired') THEN
    ends := least(coalesce(NEW.ended_at, business_now), business_now);
  ELSIF NEW.status = 'incomplete' OR NEW.current_period_start IS NULL OR NEW.current_period_end IS NULL
      OR NOT EXISTS (SELECT FROM soft_limit WHERE plan_version_id = NEW.plan_version_id) THEN
    ends := CASE WHEN NEW.current_period_start > running.period_start THEN NEW.current_period_start ELSE business_now END;
  ELSIF running.plan_version_id = NEW.plan_version_id AND running.period_start = NEW.current_period_start THEN
    UPDATE subscription_term SET period_end = NEW.current_period_end, is_trial = NEW.status = 'trialing'
    WHERE subscription_id = NEW.id AND since = running.since
      AND (period_end, is_trial) IS DISTINCT FROM (NEW.current_period_end, NEW.status = 'trialing');
    RETURN NULL;
  ELSE
    -- In the middle of a period a plan holds from now on; else from where its period began.
    begins := CASE WHEN running.period_start = NEW.current_period_start OR (TG_OP = 'UPDATE'
        AND OLD.current_period_start = NEW.current_period_start AND OLD.plan_version_id <> NEW.plan_version_id)
      THEN business_now ELSE NEW.current_period_start END;
    ends := begins;
  END IF;
  IF running.since IS NOT NULL THEN
    ends := greatest(ends, running.since + interval '1 millisecond');
    begins := greatest(begins, ends);
    UPDATE subscription_term SET until = ends, counted = counted_around(running.customer_id, ends, running.period_start)
    WHERE subscription_id = NEW.id AND since = running.since;
    -- Whole periods that nobody heard of are one more stretch of the plan that was known.
    IF NEW.current_period_start > running.period_end AND ends > running.period_end THEN
      UPDATE subscription_term SET until = running.period_end,
        counted = counted_around(running.customer_id, running.period_end, running.period_start)
      WHERE subscription_id = NEW.id AND since = running.since;
      INSERT INTO subscription_term (subscription_id, since, customer_id, plan_version_id, period_start, period_end,
          is_trial, until, counted)
        VALUES (NEW.id, running.period_end, running.customer_id, running.plan_version_id, running.period_end, ends,
          false, ends, counted_around(running.customer_id, ends, running.period_end));
    END IF;
  END IF;
  IF begins IS NOT NULL THEN
    INSERT INTO subscription_term (subscription_id, since, customer_id, plan_version_id, period_start, period_end, is_trial)
      VALUES (NEW.id, begins, NEW.customer_id, NEW.plan_version_id, NEW.current_period_start, NEW.current_period_end,
        NEW.status = 'trialing')
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER subscription_keeps_terms
  AFTER INSERT OR UPDATE OF plan_version_id, status, current_period_start, current_period_end, ended_at,
    stripe_subscription_id ON subscription
  FOR EACH ROW WHEN (NEW.stripe_subscription_id IS NOT NULL) EXECUTE FUNCTION keep_subscription_terms();

-- Subscriptions that are there already: their present stretch.
UPDATE subscription SET status = status WHERE stripe_subscription_id IS NOT NULL;
