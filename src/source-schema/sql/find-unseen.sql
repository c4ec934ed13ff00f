-- Notes which event triggers have not been at work: a superuser has switched an event trigger off, dropped or renamed it. What was
-- done meanwhile (to the publication, to a key, to a type) is not known, so the changelog must say that changes may be missing
-- (see tables.sql). An upgrade is nothing of that kind: an earlier version may have had fewer event triggers.
--
-- Rights: any role.

SELECT set_config('changefeed.unseen', coalesce(string_agg(name, ', ' ORDER BY name), ''), true)
  FROM unnest(:'event_triggers'::name[]) AS name LEFT JOIN pg_event_trigger e ON e.evtname = name
  WHERE e.evtenabled IN ('D', 'R') OR obj_description(e.oid, 'pg_event_trigger') <> e.xmin::text
    OR obj_description(to_regnamespace('changefeed'), 'pg_namespace') = :'mark' AND :(event_trigger_is_untouched) IS NOT TRUE;
