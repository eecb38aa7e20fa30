-- What ends with nothing to follow is not followed by a term: greatest() passes over what is not known.
CREATE OR REPLACE FUNCTION keep_subscription_terms() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF begins IS NOT NULL THEN
      begins := greatest(begins, ends);
    END IF;
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

-- Terms that were begun so.
DELETE FROM subscription_term t USING subscription s
WHERE s.id = t.subscription_id AND t.until IS NULL AND (s.status IN ('canceled', 'incomplete_expired')
  OR NOT EXISTS (SELECT FROM soft_limit l WHERE l.plan_version_id = t.plan_version_id));
