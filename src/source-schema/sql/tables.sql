-- Our tables. The rows of changefeed.watched are published like the rows of the watched tables. So the description of a table
-- comes out of logical decoding exactly between the rows before and after the DDL that changed the table.
--
-- Rights: owner of schema changefeed.

CREATE TABLE IF NOT EXISTS changefeed.source (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  token text NOT NULL DEFAULT md5(gen_random_uuid()::text),
  -- A new token says that rows may be missing that were written under the previous one. This column says why.
  why text,
  -- The token whose reason is in the changelog.
  seen text
);
DO $$ BEGIN
  -- An earlier version created the table without these columns.
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'changefeed.source'::regclass AND attname = 'seen') THEN
    ALTER TABLE changefeed.source ADD COLUMN why text, ADD COLUMN seen text;
    UPDATE changefeed.source SET seen = token;
  END IF;
END $$;
INSERT INTO changefeed.source DEFAULT VALUES ON CONFLICT DO NOTHING;
-- See find-unseen.sql.
UPDATE changefeed.source SET token = md5(gen_random_uuid()::text),
    why = format('event trigger %s was switched off, altered or removed: what was changed meanwhile is not known', current_setting('changefeed.unseen'))
  WHERE current_setting('changefeed.unseen') <> '';

-- This table has no rows. Its locks say who holds types by our rules, see hold_types() in locks.sql.
CREATE TABLE IF NOT EXISTS changefeed.type_locks ();

CREATE TABLE IF NOT EXISTS changefeed.watched (
  relid oid PRIMARY KEY,
  description jsonb NOT NULL,
  since_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- The types made by users that the columns of the table consist of.
ALTER TABLE changefeed.watched ADD COLUMN IF NOT EXISTS types oid[] NOT NULL DEFAULT '{}';
-- How often ALTER TABLE has written all rows of the table again with other values.
ALTER TABLE changefeed.watched ADD COLUMN IF NOT EXISTS rewrites int NOT NULL DEFAULT 0;
-- Each DDL that changes a type asks for the tables that consist of it.
CREATE INDEX IF NOT EXISTS watched_types ON changefeed.watched USING gin (types) WITH (fastupdate = off);
DO $$ BEGIN
  -- An earlier version created the table without these columns.
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'changefeed.watched'::regclass AND attname = 'needed_at') THEN
    ALTER TABLE changefeed.watched
      -- When the table was last known to be needed by a changefeed or a job.
      ADD COLUMN needed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      -- The replica identity that the table had before we changed it; null if we have not changed it.
      ADD COLUMN was_identity "char",
      ADD COLUMN was_index oid,
      -- The time of since_xid, for when the commit time of that transaction is not known any more.
      ADD COLUMN since timestamptz;
    ALTER TABLE changefeed.watched ALTER COLUMN since SET DEFAULT clock_timestamp();
  END IF;
END $$;
-- The transaction in which the table was last attached as a partition when it may have had rows.
ALTER TABLE changefeed.watched ADD COLUMN IF NOT EXISTS attached bigint NOT NULL DEFAULT 0;
-- The index that gives the key of a table without a primary key: that of its replica identity before the identity became FULL.
ALTER TABLE changefeed.watched ADD COLUMN IF NOT EXISTS key_index oid;
-- Each DDL that drops something asks for the tables whose key it gives.
CREATE INDEX IF NOT EXISTS watched_keys ON changefeed.watched (key_index) WHERE key_index IS NOT NULL;
