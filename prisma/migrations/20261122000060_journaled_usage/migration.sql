-- Which journaled units were counted already: a journal that is replayed twice counts once.
CREATE TABLE journaled_usage (
  id TEXT PRIMARY KEY,
  counted_at TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX journaled_usage_counted_at ON journaled_usage (counted_at);

-- Counts units that were let through while this database was away. They are counted whatever the limits say.
-- One array entry per unit of a limit, ids repeated per limit. Rows are taken in primary-key order, as count_usage does.
CREATE FUNCTION count_journaled(
  ids text[], customers text[], features text[], windows text[], starts timestamptz[], units bigint[]
) RETURNS void LANGUAGE sql AS $$
  WITH given AS (
    SELECT * FROM unnest(ids, customers, features, windows, starts, units) AS g (id, customer_id, feature, "window", start, units)
  ), fresh AS (
    INSERT INTO journaled_usage (id) SELECT DISTINCT id FROM given ORDER BY id ON CONFLICT DO NOTHING RETURNING id
  )
  INSERT INTO usage_counter AS counter (customer_id, feature, "window", window_start, used)
    SELECT customer_id, feature, "window", start, sum(units) FROM given JOIN fresh USING (id)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (customer_id, feature, "window", window_start) DO UPDATE SET used = counter.used + EXCLUDED.used
$$;
