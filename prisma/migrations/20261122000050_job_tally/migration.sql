-- How often each job ran and failed, over all workers and their lives: what the metrics of any process show.
ALTER TABLE job_run ADD COLUMN runs BIGINT NOT NULL DEFAULT 0, ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
