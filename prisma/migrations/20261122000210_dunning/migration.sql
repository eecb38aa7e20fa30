-- A debt and what was done about it. One row per debt: its steps are intents before they are done, and done once.
CREATE TABLE dunning (
  id TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  customer_id TEXT NOT NULL,
  past_due_since TIMESTAMPTZ(3) NOT NULL,
  -- Why the payment was declined, as far as it was asked, and whether only another payment method helps.
  decline_code TEXT,
  is_hard BOOLEAN NOT NULL DEFAULT false,
  started_at TIMESTAMPTZ(3) NOT NULL,
  ended_at TIMESTAMPTZ(3),
  -- recovered, canceled, or superseded where another debt took its place.
  outcome TEXT,
  CONSTRAINT dunning_pkey PRIMARY KEY (id),
  CONSTRAINT dunning_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscription (id)
    ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX dunning_subscription_id_past_due_since_key ON dunning (subscription_id, past_due_since);
CREATE INDEX dunning_open ON dunning (subscription_id) WHERE ended_at IS NULL;

CREATE TABLE dunning_step (
  id TEXT NOT NULL,
  dunning_id TEXT NOT NULL,
  after_hours INTEGER NOT NULL,
  access TEXT NOT NULL,
  due_at TIMESTAMPTZ(3) NOT NULL,
  -- due, done, or passed: over before anybody looked, so that only the latest is told.
  state TEXT NOT NULL,
  done_at TIMESTAMPTZ(3),
  CONSTRAINT dunning_step_pkey PRIMARY KEY (id),
  CONSTRAINT dunning_step_dunning_id_fkey FOREIGN KEY (dunning_id) REFERENCES dunning (id)
    ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX dunning_step_dunning_id_after_hours_key ON dunning_step (dunning_id, after_hours);
CREATE INDEX dunning_step_due ON dunning_step (due_at) WHERE state = 'due';

-- An intent to charge an open invoice again: because the customer has another payment method, or by our own schedule.
CREATE TABLE payment_attempt (
  id TEXT NOT NULL,
  invoice_id TEXT NOT NULL,
  -- new_payment_method or schedule; `key` is the method's id or the hour of the schedule: each once per invoice.
  reason TEXT NOT NULL,
  key TEXT NOT NULL,
  payment_method TEXT,
  due_at TIMESTAMPTZ(3) NOT NULL,
  -- due, paid, declined, or moot: there was nothing left to pay.
  state TEXT NOT NULL,
  decline_code TEXT,
  done_at TIMESTAMPTZ(3),
  CONSTRAINT payment_attempt_pkey PRIMARY KEY (id),
  CONSTRAINT payment_attempt_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoice (id)
    ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX payment_attempt_invoice_id_reason_key_key ON payment_attempt (invoice_id, reason, key);
CREATE INDEX payment_attempt_due ON payment_attempt (due_at) WHERE state = 'due';

-- The notice before a renewal: an intent, since its amount is asked of Stripe.
CREATE TABLE renewal_notice (
  id TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  period_end TIMESTAMPTZ(3) NOT NULL,
  due_at TIMESTAMPTZ(3) NOT NULL,
  -- due, done, or moot: it no longer renews then.
  state TEXT NOT NULL,
  done_at TIMESTAMPTZ(3),
  CONSTRAINT renewal_notice_pkey PRIMARY KEY (id),
  CONSTRAINT renewal_notice_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscription (id)
    ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX renewal_notice_subscription_id_period_end_key ON renewal_notice (subscription_id, period_end);
CREATE INDEX renewal_notice_due ON renewal_notice (due_at) WHERE state = 'due';

-- What pays, as last seen at Stripe: a change of it is what makes a declined payment worth another try.
ALTER TABLE customer ADD COLUMN payment_method TEXT;
ALTER TABLE customer ADD COLUMN card_expires_at TIMESTAMPTZ(3);

-- How many days before a renewal it is announced (0: not), and who tries a declined card again.
ALTER TABLE setting ADD COLUMN renewal_notice_days INTEGER NOT NULL DEFAULT 7;
ALTER TABLE setting ADD COLUMN payment_retries TEXT NOT NULL DEFAULT 'stripe';
ALTER TABLE setting ADD COLUMN payment_retry_hours INTEGER[] NOT NULL DEFAULT '{72,120,168,240,336}';
