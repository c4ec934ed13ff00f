-- Only one transaction at a time installs or removes what pg-changefeed keeps in a database. Anybody could take an advisory
-- lock on some number and keep it; this lock can be taken only by superusers and by roles that maintain the catalogue. It
-- stops nobody who reads the catalogue or creates an event trigger.
--
-- Rights: superuser, or from PostgreSQL 17 on member of pg_maintain.

SELECT set_config('lock_timeout', :'lock_wait', true);
LOCK TABLE pg_catalog.pg_event_trigger IN SHARE UPDATE EXCLUSIVE MODE;
