-- Comparisons with Stripe: one at a time, whoever asks; each goes on where a killed worker left it.
CREATE TABLE "reconciliation" (
    "id" TEXT NOT NULL,
    "dry_run" BOOLEAN NOT NULL,
    "scope" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'running',
    "step" TEXT NOT NULL,
    "position" TEXT,
    "events_since" TIMESTAMPTZ(3),
    "checked" INTEGER NOT NULL DEFAULT 0,
    "unchecked" INTEGER NOT NULL DEFAULT 0,
    "error" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    "lease_token" TEXT,
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "reconciliation_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX reconciliation_one_at_a_time ON reconciliation (status) WHERE status = 'running';

-- What the run under way has looked at, so that nothing is asked for twice. Emptied when it ends.
CREATE TABLE "reconciliation_object" (
    "reconciliation_id" TEXT NOT NULL,
    "object" TEXT NOT NULL,

    CONSTRAINT "reconciliation_object_pkey" PRIMARY KEY ("reconciliation_id", "object")
);
ALTER TABLE "reconciliation_object" ADD CONSTRAINT "reconciliation_object_reconciliation_id_fkey"
  FOREIGN KEY ("reconciliation_id") REFERENCES "reconciliation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "reconciliation_difference" (
    "id" BIGSERIAL NOT NULL,
    "reconciliation_id" TEXT NOT NULL,
    "object" TEXT NOT NULL,
    "field" TEXT NOT NULL,
    "ours" JSONB,
    "stripes" JSONB,
    "done" TEXT NOT NULL,
    "why" TEXT NOT NULL,

    CONSTRAINT "reconciliation_difference_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "reconciliation_difference_reconciliation_id_object_field_why_key"
  ON "reconciliation_difference"("reconciliation_id", "object", "field", "why");
ALTER TABLE "reconciliation_difference" ADD CONSTRAINT "reconciliation_difference_reconciliation_id_fkey"
  FOREIGN KEY ("reconciliation_id") REFERENCES "reconciliation"("id") ON DELETE CASCADE ON UPDATE CASCADE;
