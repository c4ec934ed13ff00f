-- The event triggers are dropped first and created again at the end: they must not run while their functions are replaced.
--
-- Rights: superuser.

DROP EVENT TRIGGER IF EXISTS pg_changefeed_ddl;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_drop;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_rewrite;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_publication;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_publication_drop;
