-- Many are due at the same instant: the id is part of the order in which they are taken, so it is part of the index.
DROP INDEX webhook_delivery_due;
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_attempt_at, id) WHERE state = 'pending';
DROP INDEX notice_due;
CREATE INDEX notice_due ON notice (next_attempt_at, id) WHERE state = 'pending';
