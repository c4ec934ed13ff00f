-- Last, the tables get REPLICA IDENTITY FULL. That needs a lock that keeps readers and writers out, of all these tables until COMMIT.
-- So half a second is all that the script waits for them together. If transactions use them for longer, it lets everybody
-- go on, and tries again.
DO $$
DECLARE statement text; deadline timestamptz; attempt int := 1;
BEGIN
  LOOP
    BEGIN
      deadline := clock_timestamp() + interval '500 milliseconds';
      FOREACH statement IN ARRAY string_to_array(rtrim(current_setting('changefeed.full'), E'\n'), E'\n') LOOP
        PERFORM set_config('lock_timeout', greatest(1, extract(milliseconds FROM deadline - clock_timestamp())::int)::text, true);
        EXECUTE statement;
      END LOOP;
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF attempt = 10 THEN
        RAISE EXCEPTION 'transactions use the tables that need REPLICA IDENTITY FULL: nothing was changed' USING ERRCODE = '55P03', DETAIL = statement,
          HINT = 'run the script again at a quieter time, or with fewer tables at once';
      END IF;
    END;
    attempt := attempt + 1;
    PERFORM pg_sleep(0.5);
  END LOOP;
END $$;
