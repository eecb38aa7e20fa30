-- Overage of a plan is what was used under it: a window that was in progress when a term began counts from where it was,
-- as the check prices it. So what is on a charge is kept per window and term.
ALTER TABLE subscription_term ADD COLUMN counted_before JSONB NOT NULL DEFAULT '[]';

CREATE FUNCTION count_before_term() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.counted_before := counted_around(NEW.customer_id, NEW.since, NEW.period_start);
  RETURN NEW;
END $$;
CREATE TRIGGER subscription_term_counts_before
  BEFORE INSERT ON subscription_term FOR EACH ROW EXECUTE FUNCTION count_before_term();

ALTER TABLE overage_window ADD COLUMN since TIMESTAMPTZ(3) NOT NULL DEFAULT '-infinity';
ALTER TABLE overage_window ALTER COLUMN since DROP DEFAULT;
ALTER TABLE overage_window DROP CONSTRAINT overage_window_pkey;
ALTER TABLE overage_window ADD CONSTRAINT overage_window_pkey
  PRIMARY KEY (customer_id, feature, "window", window_start, since);

-- Subscriptions with something to account at an instant: windows that have ended beyond their limit and were counted in
-- since they were last looked at, terms that have ended, charges whose period is over. May name one too many, never one
-- too few. An override may make a limit smaller; where it makes one larger, the reader sees it.
CREATE OR REPLACE FUNCTION overage_due(at_now timestamptz) RETURNS TABLE (subscription_id text) LANGUAGE sql STABLE AS $$
  SELECT t.subscription_id
  FROM subscription_term t
  JOIN soft_limit l ON l.plan_version_id = t.plan_version_id
  CROSS JOIN LATERAL (SELECT min(o."limit") AS max FROM override o WHERE o.customer_id = t.customer_id) o
  JOIN usage_counter u ON u.customer_id = t.customer_id AND u.feature = l.name AND u."window" = l."window"
    AND u.used > least(l.max, o.max)
  LEFT JOIN overage_window w ON (w.customer_id, w.feature, w."window", w.window_start, w.since)
    = (u.customer_id, u.feature, u."window", u.window_start, t.since)
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
