-- One in a thousand: each row is explained, and a process that answers thirty thousand checks a second has others to do.
ALTER TABLE setting ALTER COLUMN decision_share_allowed SET DEFAULT 0.001;
UPDATE setting SET decision_share_allowed = 0.001 WHERE decision_share_allowed = 0.01;
