-- Which tick each job ran for last, so that a tick runs once however many messages there are of it: a run that was
-- handed out again because its worker died keeps its id and goes through. Machine time.
ALTER TABLE job_run
  ADD COLUMN tick_at TIMESTAMPTZ(3),
  ADD COLUMN run_id TEXT,
  ADD COLUMN next_run_at TIMESTAMPTZ(3),
  -- Runs that failed since the last one that did not.
  ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;

-- Attempts at rows of whatever kind: who is at one that needs others (Stripe), and which could not be settled and
-- are tried again later, while the rest goes on. Gone with success. Machine time.
CREATE TABLE job_attempt (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  -- How many failed.
  attempts INTEGER NOT NULL,
  last_error TEXT,
  lease_token TEXT,
  -- Until then the row is left alone: somebody is at it, or it has failed lately.
  next_attempt_at TIMESTAMPTZ(3) NOT NULL,
  updated_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT job_attempt_pkey PRIMARY KEY (kind, id)
);
CREATE INDEX job_attempt_updated_at_idx ON job_attempt (updated_at);

-- A key ends by the clock; this is when it did, set once by the job that tells of it.
ALTER TABLE api_key ADD COLUMN expired_at TIMESTAMPTZ(3);
CREATE INDEX api_key_due ON api_key (expires_at) WHERE expired_at IS NULL AND revoked_at IS NULL;
-- Sweeps ask for what is due, and that is a small part of what there is.
CREATE INDEX subscription_ending ON subscription (cancel_at) WHERE cancel_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX subscription_on_trial ON subscription (trial_end) WHERE status = 'trialing';
CREATE INDEX stripe_event_unprocessed ON stripe_event (object_id) WHERE processed_at IS NULL;

-- How long things are kept, in days of machine time: longer than any window of usage, than any late event.
ALTER TABLE setting
  ADD COLUMN usage_retention_days INTEGER NOT NULL DEFAULT 800,
  ADD COLUMN event_retention_days INTEGER NOT NULL DEFAULT 400,
  ADD COLUMN decision_retention_days INTEGER NOT NULL DEFAULT 30;

-- Makes the rows of expired reservations follow: those given, which the caller holds. Their counters are locked in
-- primary-key order, as everywhere.
DROP FUNCTION expire_reservations(timestamptz, int);
CREATE FUNCTION expire_reservations(due text[], at_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM count_usage(array_agg(customer_id), array_agg(feature), array_agg("window"), array_agg(window_start),
    '{}', '{}', '{}', '{}', at_now)
  FROM (SELECT DISTINCT customer_id, feature, "window", window_start FROM usage_hold WHERE reservation_id = ANY (due)) h;
  UPDATE usage_reservation SET status = 'expired', ended_at = clock_timestamp() WHERE id = ANY (due);
END $$;
