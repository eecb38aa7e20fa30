-- Instants as the decision code wants them: milliseconds since 1970, whole.
CREATE FUNCTION ms(instant timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT round(extract(epoch FROM instant) * 1000)::bigint $$;
