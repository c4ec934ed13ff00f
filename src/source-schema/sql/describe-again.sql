-- Another version may describe the same table in other words. That is no change that event triggers have missed, so an upgrade
-- writes the descriptions of this version.
--
-- Rights: owner of schema changefeed.

DO $$ BEGIN
  IF obj_description('changefeed'::regnamespace, 'pg_namespace') IS DISTINCT FROM :'mark'
      AND EXISTS (SELECT FROM changefeed.watched WHERE changefeed.describe(relid) <> description) THEN
    -- A transaction that changes a table in this moment has it described; what is written here comes after that.
    LOCK TABLE changefeed.watched IN SHARE ROW EXCLUSIVE MODE;
    UPDATE changefeed.watched SET description = changefeed.describe(relid), types = changefeed.types_of(relid) WHERE changefeed.describe(relid) <> description;
  END IF;
END $$;
