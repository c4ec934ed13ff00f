// Settings that a database may be given at any time, and that must change neither a byte nor the life of a feed.

import type { Random } from './random.ts'

const hostile: readonly string[] = [
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
]

/** Also end sessions that only wait: for feeds that do not run on a session of their client. */
const hostileToSessions: readonly string[] = [
  ...hostile,
  `transaction_timeout = '500ms'`,
  `statement_timeout = '500ms'`,
  'default_transaction_read_only = on',
]

export interface SettingChange {
  readonly database: string
  readonly role: string
  /** The feed is a job, not a statement of a session. */
  readonly isJob: boolean
}

/** One statement: a setting for the database, for a role in it, or everything as it was. */
export function changeSetting(random: Random, { database, role, isJob }: SettingChange): string {
  const setting = random.pick((isJob ? hostileToSessions : hostile).map((text) => [1, text] as const))
  return random.pick([
    [3, `ALTER DATABASE ${database} SET ${setting}`],
    [2, `ALTER ROLE ${role} IN DATABASE ${database} SET ${setting}`],
    [2, resetSettings({ database, role })],
  ])
}

/** Several statements. */
export function resetSettings({ database, role }: Pick<SettingChange, 'database' | 'role'>): string {
  return `ALTER DATABASE ${database} RESET ALL; ALTER ROLE ${role} IN DATABASE ${database} RESET ALL`
}
