-- Units let through while this database was away also cost what they cost: counted as any others are, by count_usage,
-- so that overage among them stands in the sum that the spend cap bounds. Counted whatever the limits say.
--   line_id   one per journaled call; the check_* entries name it by position (1…). A line counts once, ever.
DROP FUNCTION count_journaled(text[], text[], text[], text[], timestamptz[], bigint[]);

CREATE FUNCTION count_journaled(
  line_id text[], at_now timestamptz,
  row_customer text[], row_feature text[], row_window text[], row_start timestamptz[],
  check_line int[], check_row int[], check_units bigint[],
  check_included bigint[], check_price numeric[], check_spend_row int[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  is_new boolean[];
BEGIN
  WITH inserted AS (
    INSERT INTO journaled_usage AS j (id) SELECT DISTINCT i FROM unnest(line_id) AS i ORDER BY i
    ON CONFLICT DO NOTHING
    RETURNING j.id
  )
  SELECT array_agg(s.id IS NOT NULL ORDER BY r.n) INTO is_new
  FROM unnest(line_id) WITH ORDINALITY AS r (i, n) LEFT JOIN inserted s ON s.id = r.i;
  IF true = ANY (is_new) THEN
    PERFORM count_usage(row_customer, row_feature, row_window, row_start, check_line, check_row,
      array_fill(NULL::bigint, ARRAY[cardinality(check_line)]),
      (SELECT array_agg(CASE WHEN is_new[c.line] THEN c.units ELSE 0 END ORDER BY c.n)
       FROM unnest(check_line, check_units) WITH ORDINALITY AS c (line, units, n)),
      at_now, check_included, check_price, check_spend_row, NULL);
  END IF;
END $$;
