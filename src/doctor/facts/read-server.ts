// Reads what is to be known of a server and of a database, in one query that every role may run. What PostgreSQL keeps from a role is
// null, and a check says so.

import type { Settings } from '../amounts.ts'
import type { Queries } from '../../postgres/queries.ts'
import { publication } from '../../source-schema/names.ts'
import { slotReaderSql } from '../../source-schema/slot-reader.ts'
import { hasOurSchemaSql, publicationIsOurs, publicationIsPrepared } from '../../source-schema/ownership.ts'

export interface SlotFact {
  readonly name: string
  readonly plugin: string | null
  readonly type: string
  readonly database: string | null
  readonly isActive: boolean
  readonly activePid: number | null
  readonly walStatus: string | null
  /** Bytes of WAL that it keeps; null: none yet. */
  readonly retainedBytes: number | null
  /** Null before PostgreSQL 17. */
  readonly isFailover: boolean | null
  readonly invalidation: string | null
}

/** A transaction of somebody else: ours are short, or give way. */
export interface TransactionFact {
  readonly pid: number
  readonly user: string | null
  readonly database: string | null
  /** Null: not visible to our role. */
  readonly ageSeconds: number | null
  /** It has written, so that the creation of a slot waits for it. */
  readonly hasWritten: boolean
}

export interface PreparedFact {
  readonly gid: string
  readonly owner: string
  readonly database: string
  readonly ageSeconds: number
}

export interface PublicationFact {
  readonly name: string
  readonly owner: string
  readonly isOurs: boolean
  /** It was made by the script of `changefeed setup-sql`. */
  readonly isPrepared: boolean
  readonly viaRoot: boolean
  readonly insert: boolean
  readonly update: boolean
  readonly delete: boolean
  readonly truncate: boolean
}

export interface ServerFacts {
  readonly version: number
  readonly versionText: string
  readonly database: string
  readonly databaseOid: string
  readonly role: string
  /** What other sessions do is visible to our role. */
  readonly seesOthers: boolean
  readonly isInRecovery: boolean
  /** Our role may create schemas in the database. */
  readonly mayCreate: boolean
  readonly encoding: string
  readonly settings: Settings
  readonly slots: readonly SlotFact[]
  readonly connections: number
  readonly transactions: readonly TransactionFact[]
  readonly prepared: readonly PreparedFact[]
  readonly publications: readonly PublicationFact[]
  /** The owner of a schema `changefeed`; null: there is none. */
  readonly schemaOwner: string | null
  readonly schemaIsOurs: boolean
  /** Settings that ALTER ROLE and ALTER DATABASE give to our sessions: `name=value`. */
  readonly ownSettings: readonly string[]
}

/** Settings that checks look at. */
const settingNames = [
  'max_connections',
  'superuser_reserved_connections',
  'reserved_connections',
  'max_slot_wal_keep_size',
  'idle_replication_slot_timeout',
  'wal_sender_timeout',
  'sync_replication_slots',
  'synchronized_standby_slots',
  'hot_standby_feedback',
  'track_commit_timestamp',
] as const

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')

const walNow = `CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END`

/** `to_jsonb` reads columns that an older version does not have as null. */
const serverSql = `SELECT json_build_object(
  'version', current_setting('server_version_num')::int, 'versionText', version(),
  'database', d.datname, 'databaseOid', d.oid::text, 'encoding', pg_encoding_to_char(d.encoding),
  'role', me.rolname,
  'seesOthers', me.rolsuper OR pg_has_role(me.oid, 'pg_read_all_stats', 'USAGE'),
  'isInRecovery', pg_is_in_recovery(), 'mayCreate', has_database_privilege(d.oid, 'CREATE'),
  'settings', (SELECT coalesce(json_object_agg(s.name, json_build_object('value', s.setting)), '{}')
    FROM pg_settings s WHERE s.name IN (${quoted(settingNames)})),
  'slots', coalesce((SELECT json_agg(json_build_object('name', s.slot_name, 'plugin', s.plugin, 'type', s.slot_type, 'database', s.database, 'isActive', ${slotReaderSql()} IS NOT NULL, 'activePid', ${slotReaderSql()},
      'walStatus', s.wal_status, 'retainedBytes', greatest(pg_wal_lsn_diff(${walNow}, s.restart_lsn), 0),
      'isFailover', (to_jsonb(s) ->> 'failover')::boolean, 'invalidation', to_jsonb(s) ->> 'invalidation_reason') ORDER BY s.slot_name)
    FROM pg_replication_slots s), '[]'),
  'connections', (SELECT sum(numbackends) FROM pg_stat_database),
  'transactions', coalesce((SELECT json_agg(json_build_object('pid', a.pid, 'user', a.usename, 'database', a.datname, 'ageSeconds', extract(epoch FROM clock_timestamp() - a.xact_start), 'hasWritten', w.pid IS NOT NULL) ORDER BY a.xact_start)
    FROM pg_stat_activity a LEFT JOIN (SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted) w ON w.pid = a.pid
    WHERE a.pid <> pg_backend_pid() AND a.usename IS NOT NULL AND coalesce(a.application_name, '') NOT LIKE 'pg-changefeed%' AND (w.pid IS NOT NULL OR a.xact_start IS NOT NULL AND a.backend_type = 'client backend')), '[]'),
  'prepared', coalesce((SELECT json_agg(json_build_object('gid', gid, 'owner', owner, 'database', database, 'ageSeconds', extract(epoch FROM clock_timestamp() - prepared)) ORDER BY prepared) FROM pg_prepared_xacts), '[]'),
  'publications', coalesce((SELECT json_agg(json_build_object('name', p.pubname, 'owner', o.rolname, 'isOurs', ${publicationIsOurs}, 'isPrepared', ${publicationIsPrepared},
      'viaRoot', p.pubviaroot, 'insert', p.pubinsert, 'update', p.pubupdate, 'delete', p.pubdelete, 'truncate', p.pubtruncate) ORDER BY p.pubname <> '${publication}', p.pubname)
    FROM pg_publication p JOIN pg_roles o ON o.oid = p.pubowner), '[]'),
  'schemaOwner', (SELECT o.rolname FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner WHERE n.nspname = 'changefeed'),
  'schemaIsOurs', ${hasOurSchemaSql},
  'ownSettings', coalesce((SELECT json_agg(c.setting) FROM pg_db_role_setting s, unnest(s.setconfig) AS c (setting)
    WHERE s.setdatabase IN (0, d.oid) AND s.setrole IN (0, me.oid)), '[]')
)::text
FROM pg_database d, pg_roles me WHERE d.datname = current_database() AND me.rolname = current_user`

export async function readServer(connection: Queries): Promise<ServerFacts> {
  const [row] = await connection.query(serverSql)
  return JSON.parse(row?.[0] ?? '') as ServerFacts
}
