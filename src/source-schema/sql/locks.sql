-- Functions that take locks for the other functions. None waits for long: it is never the application that fails for a lock of
-- ours, and an error says who holds the lock.
--
-- Rights: owner of schema changefeed who may set deadlock_timeout. hold() locks watched tables, which their owner may do.

-- Waits for transactions that write to the table, and keeps writers out until this transaction ends. A writer may itself wait
-- for the type that this transaction has changed. So the wait is shorter than the writer's deadlock_timeout, and the writer never
-- fails. The deadlock check comes early, which also makes autovacuum give way.
CREATE OR REPLACE FUNCTION changefeed.hold(relation oid, touched oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '600ms' SET deadlock_timeout = '50ms' AS $$
DECLARE name text := (SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = relation);
  used text := coalesce(changefeed.uses(ARRAY[relation], touched), 'table ' || name);
BEGIN
  EXECUTE 'LOCK TABLE ONLY ' || name || ' IN SHARE ROW EXCLUSIVE MODE';
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  RAISE EXCEPTION '% is watched by changefeeds and consists of what this command changes, and other transactions are writing to it', used
    USING ERRCODE = 'lock_not_available',
      HINT = format('Rows written before and after the change must not mix. Try again, or take the lock first in the same transaction: BEGIN; LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE; ...; COMMIT', name);
WHEN insufficient_privilege THEN
  -- The table has got another owner. A command of the application must not fail for that.
  PERFORM changefeed.distrust(format('table %s was changed, and belongs to another role now: changes of that moment may have been read wrongly', name));
END $$;

-- Who has a lock on one of our own tables that keeps others out of it, as text for messages.
CREATE OR REPLACE FUNCTION changefeed.lockers(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(DISTINCT CASE WHEN l.pid IS NULL THEN 'a prepared transaction' ELSE format('process %s of user "%s"', l.pid, a.usename) END, ', ')
  FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
  WHERE l.granted AND l.locktype = 'relation' AND l.relation = lockers.relation AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
$$;

-- Called before the list of watched tables is read or written. A role that may write every table could lock the list for as long
-- as it likes. A command then fails after five seconds and says who holds the lock, where it would otherwise wait without end.
CREATE OR REPLACE FUNCTION changefeed.open_list(to_write boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
  IF to_write THEN LOCK TABLE changefeed.watched IN ROW EXCLUSIVE MODE;
  ELSE LOCK TABLE changefeed.watched IN ACCESS SHARE MODE;
  END IF;
EXCEPTION WHEN lock_not_available THEN
  RAISE EXCEPTION 'the list of the tables that changefeeds watch is locked by %', coalesce(changefeed.lockers('changefeed.watched'::regclass), 'another transaction')
    USING ERRCODE = 'lock_not_available', DETAIL = 'Whether this command changes one of them cannot be known.',
      HINT = 'Try again when that transaction has ended, or end it: SELECT pg_terminate_backend(...) with the number of its process.';
WHEN OTHERS THEN
  -- An error of our own is answered where the list is read.
  NULL;
END $$;

-- A transaction that describes a table holds its types, so that they do not change; a transaction that changes a type waits for
-- those. Anybody can take an advisory lock on some number: so whoever takes one by our rules also locks table type_locks, weakly,
-- and a holder of the number without that lock is a stranger. Where a stranger is in the way, the whole table is locked instead, in
-- a mode that excludes the weak locks of the other side.
--
-- Who changes a type has locked its relation before, and a scan that prints a first value of the type waits for that. The scan then
-- gives way, so PostgreSQL does not look for a deadlock before this wait is over: it would end the command that changes the type.
-- A transaction of ours that takes tables under watch has locked them when it comes here, and who changes a type may want them: it
-- does not wait at all, and tries again.
CREATE OR REPLACE FUNCTION changefeed.hold_types(types oid[], alone boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' SET deadlock_timeout = '1s' AS $$
DECLARE type oid; base CONSTANT bigint := 7453010313431220224; used text; strangers text;
BEGIN
  -- Less than one second, after which PostgreSQL looks for a deadlock, and long enough for a busy scan to give way.
  IF alone THEN PERFORM set_config('lock_timeout', '900ms', true);
  ELSIF coalesce(current_setting('changefeed.internal', true), '') = 'on' AND :(session_is_ours) THEN
    PERFORM set_config('lock_timeout', '1ms', true);
  END IF;
  BEGIN
    IF alone THEN LOCK TABLE changefeed.type_locks IN ROW EXCLUSIVE MODE;
    ELSE LOCK TABLE changefeed.type_locks IN ROW SHARE MODE;
    END IF;
    FOREACH type IN ARRAY types LOOP
      IF alone THEN PERFORM pg_advisory_xact_lock(base + type::bigint);
      ELSE PERFORM pg_advisory_xact_lock_shared(base + type::bigint);
      END IF;
    END LOOP;
    RETURN;
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    SELECT string_agg(DISTINCT format('process %s of user "%s"', l.pid, a.usename), ', ') INTO strangers FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
      WHERE l.granted AND l.locktype = 'advisory' AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = ANY (ARRAY(SELECT base + t::bigint FROM unnest(types) AS t))
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND NOT EXISTS (SELECT FROM pg_locks m WHERE m.granted AND m.relation = 'changefeed.type_locks'::regclass AND m.virtualtransaction = l.virtualtransaction);
    IF strangers IS NULL THEN RAISE; END IF;
  END;
  IF alone THEN LOCK TABLE changefeed.type_locks IN EXCLUSIVE MODE;
  ELSE LOCK TABLE changefeed.type_locks IN SHARE MODE;
  END IF;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  type := coalesce(type, types[1]);
  SELECT changefeed.uses(array_agg(relid), ARRAY[type]) INTO used FROM changefeed.watched w WHERE w.types && ARRAY[type];
  strangers := coalesce(strangers, changefeed.lockers('changefeed.type_locks'::regclass));
  IF strangers IS NOT NULL THEN strangers := ' Locks of changefeeds are held by ' || strangers || '.'; END IF;
  IF NOT alone THEN
    RAISE EXCEPTION 'type % is being changed by another transaction', format_type(type, NULL)
      USING ERRCODE = 'lock_not_available', DETAIL = 'It is used by ' || coalesce(used, 'a table that a changefeed is to watch') || '.' || coalesce(strangers, ''),
        HINT = 'Try again when that transaction has ended.';
  END IF;
  RAISE EXCEPTION 'type % cannot be changed now: a changefeed scans or describes %', format_type(type, NULL), coalesce(used, 'a table that uses it')
    USING ERRCODE = 'lock_not_available', DETAIL = 'Or another transaction is changing the type.' || coalesce(strangers, ''),
      HINT = 'Try again when the scan is over; SHOW JOBS says how far it is.';
END $$;
