-- How often Stripe has tried to collect an invoice: each attempt that fails is told of once.
ALTER TABLE invoice ADD COLUMN attempt_count INTEGER NOT NULL DEFAULT 0;

-- Where something stands in a timeline: by its instant, then cause before effect, then in its customer's order.
CREATE FUNCTION place(at timestamptz, rank int, sequence bigint, id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT lpad(ms(at)::text, 15, '0') || ' ' || rank || ' ' || lpad(sequence::text, 12, '0') || ' ' || id $$;
