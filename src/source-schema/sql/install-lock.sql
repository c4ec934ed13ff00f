-- Only one transaction at a time installs or removes what pg-changefeed keeps in a database. Anybody could take an advisory
-- lock on some number and keep it; the lock of a table of the catalogue can be taken only by superusers and by roles that maintain the
-- catalogue. It stops nobody who reads the catalogue or creates an event trigger. A role of a managed service that cannot take
-- it takes the advisory lock.
--
-- Rights: any role.

SELECT set_config('lock_timeout', :'lock_wait', true);
DO $$ BEGIN
  LOCK TABLE pg_catalog.pg_event_trigger IN SHARE UPDATE EXCLUSIVE MODE;
EXCEPTION WHEN insufficient_privilege THEN
  PERFORM pg_advisory_xact_lock(7453010313431220223);
END $$;
