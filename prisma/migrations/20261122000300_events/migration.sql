-- What Tollgate tells the world: events in the order of each customer, notices to people, webhooks.

CREATE TABLE "event" (
    "id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "subscription_id" TEXT,
    "type" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "data" JSONB NOT NULL,
    "dedup_key" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "event_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "event_stream" (
    "customer_id" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL DEFAULT 0,
    "access" JSONB,
    "access_due_at" TIMESTAMPTZ(3),

    CONSTRAINT "event_stream_pkey" PRIMARY KEY ("customer_id")
);

CREATE TABLE "notice" (
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "customer_id" TEXT,
    "subscription_id" TEXT,
    "recipient" TEXT,
    "data" JSONB NOT NULL,
    "state" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3),
    "last_error" TEXT,
    "lease_token" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "mail" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    "sent_at" TIMESTAMPTZ(3),

    CONSTRAINT "notice_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "webhook_endpoint" (
    "id" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "description" TEXT,
    "events" TEXT[],
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "disabled_reason" TEXT,
    "disabled_at" TIMESTAMPTZ(3),
    "secrets" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "webhook_endpoint_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "webhook_delivery" (
    "id" TEXT NOT NULL,
    "endpoint_id" TEXT NOT NULL,
    "event_id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "state" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3),
    "last_status" INTEGER,
    "last_error" TEXT,
    "lease_token" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "delivered_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "event_subscription_id_id_idx" ON "event"("subscription_id", "id");

CREATE INDEX "event_created_at_idx" ON "event"("created_at");

CREATE UNIQUE INDEX "event_customer_id_sequence_key" ON "event"("customer_id", "sequence");

CREATE UNIQUE INDEX "event_customer_id_dedup_key_key" ON "event"("customer_id", "dedup_key");

CREATE INDEX "event_stream_access_due_at_idx" ON "event_stream"("access_due_at");

CREATE UNIQUE INDEX "notice_key_key" ON "notice"("key");

CREATE INDEX "notice_customer_id_id_idx" ON "notice"("customer_id", "id");

CREATE INDEX "notice_subscription_id_id_idx" ON "notice"("subscription_id", "id");

CREATE INDEX "notice_created_at_idx" ON "notice"("created_at");

CREATE INDEX "webhook_delivery_endpoint_id_id_idx" ON "webhook_delivery"("endpoint_id", "id");

CREATE INDEX "webhook_delivery_event_id_idx" ON "webhook_delivery"("event_id");

CREATE UNIQUE INDEX "webhook_delivery_endpoint_id_event_id_key" ON "webhook_delivery"("endpoint_id", "event_id");

ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_endpoint_id_fkey" FOREIGN KEY ("endpoint_id") REFERENCES "webhook_endpoint"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "event"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Sweeps ask for what is due, and that is a small part of what there is.
CREATE INDEX notice_due ON notice (next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_attempt_at) WHERE state = 'pending';
-- Which event of a customer is the next for an endpoint.
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (endpoint_id, customer_id, sequence) WHERE state = 'pending';

-- Whoever has subscribed before is told of from now on.
INSERT INTO event_stream (customer_id, access_due_at) SELECT DISTINCT customer_id, now() FROM subscription;
