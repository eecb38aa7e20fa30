-- What the check has decided, as far as it is kept: written in batches by the processes that decide, never by a check.
-- No foreign keys: a batch is not to fail, or to lock anybody, for what has gone meanwhile.
CREATE TABLE decision (
  id TEXT NOT NULL,
  -- Business time.
  at TIMESTAMPTZ(3) NOT NULL,
  -- Machine time as of which the facts were known to hold, and how old they were.
  data_as_of TIMESTAMPTZ(3) NOT NULL,
  facts_age_ms INTEGER NOT NULL,
  degraded BOOLEAN NOT NULL,
  -- Null where the caller could not be told.
  customer_id TEXT,
  api_key_id TEXT,
  plan TEXT,
  plan_version INTEGER,
  subscription_id TEXT,
  -- As matched: without the query, and without anything that looks like a key.
  method TEXT,
  path TEXT,
  route_policy_id TEXT,
  feature TEXT,
  cost BIGINT NOT NULL,
  -- Null: allowed.
  code TEXT,
  status INTEGER NOT NULL,
  -- full, warn, read_only or degraded; null: denied.
  access TEXT,
  -- The rule of the check's order that decided.
  rule TEXT,
  limits JSONB NOT NULL,
  explanation JSONB,
  CONSTRAINT decision_pkey PRIMARY KEY (id)
);
CREATE INDEX decision_at ON decision (at, id);
CREATE INDEX decision_customer ON decision (customer_id, at, id) WHERE customer_id IS NOT NULL;
CREATE INDEX decision_route ON decision (route_policy_id, at, id) WHERE route_policy_id IS NOT NULL;
CREATE INDEX decision_code ON decision (code, at, id) WHERE code IS NOT NULL;

-- How many were decided, whether kept or not: by minute for two days, by hour for long. '' stands for none, '*' for
-- what no longer had a row of its own.
CREATE TABLE decision_count (
  -- minute or hour.
  width TEXT NOT NULL,
  -- Business time.
  start TIMESTAMPTZ(3) NOT NULL,
  route_policy_id TEXT NOT NULL,
  plan TEXT NOT NULL,
  code TEXT NOT NULL,
  checks BIGINT NOT NULL,
  -- Those of them that were to be kept and were not.
  dropped BIGINT NOT NULL,
  CONSTRAINT decision_count_pkey PRIMARY KEY (width, start, route_policy_id, plan, code)
);

-- The last batch of counts that each process has added, so that one whose answer was lost is not added twice.
CREATE TABLE decision_writer (
  id TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  -- Machine time.
  written_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT decision_writer_pkey PRIMARY KEY (id)
);
CREATE INDEX decision_writer_written_at ON decision_writer (written_at);

-- Who was told to pay, once per hour: the first instant, in business time.
CREATE TABLE payment_demand (
  customer_id TEXT NOT NULL,
  hour TIMESTAMPTZ(3) NOT NULL,
  first_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT payment_demand_pkey PRIMARY KEY (customer_id, hour)
);
CREATE INDEX payment_demand_hour ON payment_demand (hour);

-- The few limits of which four fifths are used.
CREATE INDEX usage_alert_near ON usage_alert (customer_id) WHERE max > 0 AND seen * 5 >= max * 4;
CREATE INDEX event_payment ON event (customer_id, at) WHERE type = 'payment.succeeded';

ALTER TABLE setting
  ADD COLUMN decision_share_allowed DOUBLE PRECISION NOT NULL DEFAULT 0.01,
  ADD COLUMN decision_share_denied DOUBLE PRECISION NOT NULL DEFAULT 1,
  ADD COLUMN decision_retention_days INTEGER NOT NULL DEFAULT 30,
  ADD COLUMN decision_count_retention_days INTEGER NOT NULL DEFAULT 400;
