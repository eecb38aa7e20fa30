-- Nobody reads these.
ALTER TABLE subscription DROP COLUMN stripe_schedule_id;
ALTER TABLE setting DROP COLUMN decision_retention_days;
