-- The function of the event triggers that see commands about publications: our publication stays as it is while a changefeed
-- needs it, and no other publication makes the application's writes to watched tables fail.
--
-- Rights: owner of schema changefeed. The function runs with the rights of its owner, a superuser, for whoever runs the DDL.

CREATE OR REPLACE FUNCTION changefeed.on_publication() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE is_lost boolean := false; hindered oid; other text;
BEGIN
  IF coalesce(current_setting('changefeed.internal', true), '') = 'on'
     AND :(session_is_ours) THEN
    RETURN;
  END IF;
  BEGIN
    IF tg_event = 'sql_drop' THEN
      is_lost := EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE object_type IN ('publication', 'publication relation')
        AND (object_identity = quote_ident(:'publication') OR object_identity LIKE '% in publication ' || quote_ident(:'publication')));
    ELSE
      -- A renamed publication counts, too: ours is the one that publishes our descriptions.
      is_lost := EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d
        LEFT JOIN pg_publication_rel r ON d.classid = 'pg_publication_rel'::regclass AND r.oid = d.objid
        JOIN pg_publication p ON p.oid = coalesce(r.prpubid, d.objid)
        WHERE p.pubname = :'publication' OR EXISTS (
          SELECT FROM pg_publication_rel WHERE prpubid = p.oid AND prrelid = 'changefeed.watched'::regclass));
    END IF;
    is_lost := is_lost AND EXISTS (SELECT FROM changefeed.lost());
    IF tg_event = 'ddl_command_end' THEN
      SELECT h.relid, h.name INTO hindered, other
        FROM (SELECT w.relid, changefeed.hindrance(w.relid) AS name FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid
          WHERE w.was_identity IS NOT NULL AND c.relreplident = 'f') AS h WHERE h.name IS NOT NULL LIMIT 1;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'changefeeds could not see what % changed: %', tg_tag, SQLERRM;
  END;
  IF hindered IS NOT NULL THEN PERFORM changefeed.refuse_hindrance(hindered, other); END IF;
  IF is_lost THEN
    RAISE EXCEPTION 'publication "%" is in use by changefeeds', :'publication'
      USING ERRCODE = 'object_in_use', HINT = 'Changes of the watched tables would be lost. When no changefeed needs them any more, UNWATCH DATABASE gives all tables back and removes it.';
  END IF;
END $$;
