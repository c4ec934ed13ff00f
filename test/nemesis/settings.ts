// Settings that a database, a role or the whole PostgreSQL may be given at any time, and that must change neither a byte
// nor the life of a feed; and settings of the changefeeds themselves.

import type { Random } from './random.ts'

export const hostile: readonly string[] = [
  `DateStyle = 'SQL, DMY'`,
  `IntervalStyle = 'iso_8601'`,
  `TimeZone = 'Asia/Kathmandu'`,
  'extra_float_digits = -15',
  `bytea_output = 'escape'`,
  'quote_all_identifiers = on',
  'search_path = public, pg_catalog',
  `default_transaction_isolation = 'serializable'`,
  `idle_session_timeout = '700ms'`,
  `idle_in_transaction_session_timeout = '700ms'`,
  `lock_timeout = '300ms'`,
  `session_replication_role = 'origin'`,
  `xmloption = 'document'`,
  `lc_messages = 'C'`,
  'array_nulls = off',
  `synchronous_commit = 'off'`,
]

/** Also end sessions that only wait: for feeds that do not run on a session of their client. */
export const hostileToSessions: readonly string[] = [
  ...hostile,
  `transaction_timeout = '500ms'`,
  `statement_timeout = '500ms'`,
  'default_transaction_read_only = on',
]

/** Cluster settings that may change while changefeeds run. */
const ofChangefeeds: readonly string[] = [
  `kv.closed_timestamp.target_duration = '10ms'`,
  `kv.closed_timestamp.target_duration = '1s'`,
  `changefeed.max_retry_backoff = '50ms'`,
  `changefeed.max_retry_backoff = '3s'`,
  `changefeed.initial_scan.max_snapshot_age = '1s'`,
  `changefeed.changelog.retention = '1h'`,
  `changefeed.sink.allowed_hosts = '127.0.0.1, localhost'`,
]

/** Give back at once what nobody needs: what a job needs, also a paused one, is never given back. */
const ofJobs: readonly string[] = [...ofChangefeeds, `changefeed.watch.keep_duration = '1s'`]

export interface SettingChange {
  readonly database: string
  /** The user of the server's own connections, and others. */
  readonly roles: readonly string[]
  /** The feed is a job, not a statement of a session. */
  readonly isJob: boolean
}

/** Statements, each to be run by itself. */
export function changeSetting(random: Random, { database, roles, isJob }: SettingChange): readonly string[] {
  const one = (texts: readonly string[]): string => random.pick(texts.map((text) => [1, text] as const))
  const setting = one(isJob ? hostileToSessions : hostile)
  // The whole PostgreSQL has them at once, sessions that run included.
  const everywhere = one(hostile)
  return random.pick<readonly string[]>([
    [3, [`ALTER DATABASE ${database} SET ${setting}`]],
    [2, [`ALTER ROLE ${one(roles)} IN DATABASE ${database} SET ${setting}`]],
    [1, [`ALTER ROLE ${one(roles)} SET ${setting}`]],
    [1, [`ALTER DATABASE system SET ${one(hostileToSessions)}`]],
    [1, [`ALTER SYSTEM SET ${everywhere}`, 'SELECT pg_reload_conf()']],
    [2, [`SET CLUSTER SETTING ${one(isJob ? ofJobs : ofChangefeeds)}`]],
    [2, resetSettings({ database, roles })],
  ])
}

/** Statements, each to be run by itself. */
export function resetSettings({ database, roles }: Omit<SettingChange, 'isJob'>): readonly string[] {
  const names = new Set(ofJobs.map((text) => text.split(' ', 1)[0]))
  return [
    'SET default_transaction_read_only = off',
    'ALTER SYSTEM RESET ALL',
    'SELECT pg_reload_conf()',
    `ALTER DATABASE ${database} RESET ALL`,
    // Deadlocks are part of the plan; waiting for them is not.
    `ALTER DATABASE ${database} SET deadlock_timeout = '10ms'`,
    'ALTER DATABASE system RESET ALL',
    ...roles.flatMap((role) => [
      `ALTER ROLE ${role} RESET ALL`,
      `ALTER ROLE ${role} IN DATABASE ${database} RESET ALL`,
    ]),
    ...Array.from(names, (name) => `RESET CLUSTER SETTING ${name}`),
  ]
}
