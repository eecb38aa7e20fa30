-- How far a customer's limits were when they were last looked at, and what was told of it: a row per limit, for the
-- window that holds. Found by comparing with the counters, so that counting itself has nothing to do with it.
CREATE TABLE usage_alert (
  customer_id TEXT NOT NULL,
  feature TEXT NOT NULL,
  "window" TEXT NOT NULL,
  window_start TIMESTAMPTZ(3) NOT NULL,
  seen BIGINT NOT NULL,
  max BIGINT,
  -- The highest threshold, in percent, that was told in this window; 0: none.
  reached INTEGER NOT NULL DEFAULT 0,
  -- Looked at again by then though nothing was counted: the window is over, or the limit may be another.
  look_at TIMESTAMPTZ(3),
  CONSTRAINT usage_alert_pkey PRIMARY KEY (customer_id, feature, "window")
);
CREATE INDEX usage_alert_look ON usage_alert (look_at) WHERE look_at IS NOT NULL;

ALTER TABLE setting ADD COLUMN usage_alert_thresholds INTEGER[] NOT NULL DEFAULT '{50,80,100}';
