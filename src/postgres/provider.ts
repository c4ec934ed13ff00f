// Recognises who runs a PostgreSQL, by roles and settings that only that provider has, and says a remedy in its words: where a setting
// is changed, and how a role gets the right to replicate. From the documentation of the providers; none was at hand.

import { shownName } from '../core/quote.ts'
import type { Queries } from './queries.ts'

export interface Provider {
  readonly id: string
  readonly name: string
  /** How a setting of the server is changed, which counts after a restart or after a reload of the configuration. */
  readonly setting: (name: string, value: string, after: 'restart' | 'reload') => string
  /** How logical decoding is switched on. */
  readonly logical: string
  /** How a role gets the right to replicate. */
  readonly replication: (role: string) => string
}

/** What of a server shows its provider. */
export interface ProviderMarks {
  /** Names of settings that PostgreSQL itself does not have. */
  readonly settings: readonly string[]
  readonly roles: readonly string[]
  readonly functions: readonly string[]
}

const tellingRoles = [
  'rds_superuser',
  'cloudsqlsuperuser',
  'alloydbsuperuser',
  'azure_pg_admin',
  'supabase_admin',
  'neon_superuser',
  'avnadmin',
  'doadmin',
  'crunchyadm',
  '_crunchyrepl',
]
const tellingFunctions = ['aurora_version']
const tellingSettings = '^(rds|cloudsql|alloydb|azure|neon|supautils|crunchy[a-z_]*)\\.'

const namesOf = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')

/** An SQL expression: the marks as JSON. Every role may read them. */
const marksSql = `json_build_object(
  'settings', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE name ~ '${tellingSettings}'),
  'roles', (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_roles WHERE rolname IN (${namesOf(tellingRoles)})),
  'functions', (SELECT coalesce(json_agg(DISTINCT proname), '[]') FROM pg_proc WHERE proname IN (${namesOf(tellingFunctions)})))`

export async function readProvider(connection: Queries): Promise<Provider> {
  const [row] = await connection.query(`SELECT ${marksSql}::text`)
  return recogniseProvider(JSON.parse(row?.[0] ?? '') as ProviderMarks)
}

interface Rule extends Provider {
  readonly isIt: (facts: ProviderMarks) => boolean
}

const alterRole = (role: string): string => `ALTER ROLE ${shownName(role)} REPLICATION`
const hasSetting = ({ settings }: ProviderMarks, prefix: string): boolean =>
  settings.some((name) => name.startsWith(prefix))
const hasRole = ({ roles }: ProviderMarks, role: string): boolean => roles.includes(role)

/** `restart`: how the server is restarted. */
const inGroup =
  (where: string, restart: string): Provider['setting'] =>
  (name, value, after) =>
    `set ${name} = ${value} in ${where}${after === 'restart' ? `, ${restart}` : ''}`

/** The first that recognises itself. */
const rules: readonly Rule[] = [
  {
    id: 'aurora',
    name: 'Amazon Aurora',
    isIt: ({ functions }) => functions.includes('aurora_version'),
    setting: inGroup('the DB cluster parameter group', 'and reboot the writer'),
    logical: 'set rds.logical_replication = 1 in the DB cluster parameter group, and reboot the writer',
    replication: (role) => `GRANT rds_replication TO ${shownName(role)}`,
  },
  {
    id: 'rds',
    name: 'Amazon RDS',
    isIt: (facts) => hasRole(facts, 'rds_superuser') || hasSetting(facts, 'rds.'),
    setting: inGroup('the DB parameter group', 'and reboot the instance'),
    logical: 'set rds.logical_replication = 1 in the DB parameter group, and reboot the instance',
    replication: (role) => `GRANT rds_replication TO ${shownName(role)}`,
  },
  {
    id: 'alloydb',
    name: 'Google AlloyDB',
    isIt: (facts) => hasRole(facts, 'alloydbsuperuser') || hasSetting(facts, 'alloydb.'),
    setting: inGroup('the database flags of the instance', 'which restarts it'),
    logical: 'set the database flag alloydb.logical_decoding = on, which restarts the instance',
    replication: alterRole,
  },
  {
    id: 'cloudsql',
    name: 'Google Cloud SQL',
    isIt: (facts) => hasRole(facts, 'cloudsqlsuperuser') || hasSetting(facts, 'cloudsql.'),
    setting: inGroup('the database flags of the instance', 'which restarts it'),
    logical: 'set the database flag cloudsql.logical_decoding = on, which restarts the instance',
    replication: alterRole,
  },
  {
    id: 'azure',
    name: 'Azure Database for PostgreSQL',
    isIt: (facts) => hasRole(facts, 'azure_pg_admin') || hasSetting(facts, 'azure.'),
    setting: inGroup('the server parameters', 'and restart the server'),
    logical: 'set the server parameter wal_level = logical, and restart the server',
    replication: alterRole,
  },
  {
    id: 'neon',
    name: 'Neon',
    isIt: (facts) => hasRole(facts, 'neon_superuser') || hasSetting(facts, 'neon.'),
    setting: (name, value) => `${name} = ${value} can be set by Neon's support only`,
    logical:
      'enable logical replication in the settings of the project; it restarts all computes and cannot be switched off again',
    replication: (role) =>
      `create role ${shownName(role)} in the console, the CLI or the API of Neon: such roles may replicate`,
  },
  {
    id: 'supabase',
    name: 'Supabase',
    isIt: (facts) => hasRole(facts, 'supabase_admin') || hasSetting(facts, 'supautils.'),
    setting: (name, value) => `supabase postgres-config update --config ${name}=${value}`,
    logical: 'wal_level is logical on every project of Supabase; ask its support',
    replication: (role) => `${alterRole(role)} as role postgres`,
  },
  {
    id: 'aiven',
    name: 'Aiven',
    isIt: (facts) => hasRole(facts, 'avnadmin'),
    setting: inGroup('the advanced configuration of the service', 'which restarts it'),
    logical: 'set pg.wal_level = logical in the advanced configuration of the service',
    replication: (role) => `${alterRole(role)} as avnadmin`,
  },
  {
    id: 'digitalocean',
    name: 'DigitalOcean',
    isIt: (facts) => hasRole(facts, 'doadmin'),
    setting: inGroup('the configuration of the cluster', 'which restarts it'),
    logical: 'set wal_level = logical in the configuration of the cluster',
    replication: (role) => `${alterRole(role)} as doadmin`,
  },
  {
    id: 'crunchy',
    name: 'Crunchy Data',
    isIt: (facts) => hasRole(facts, 'crunchyadm') || hasRole(facts, '_crunchyrepl') || hasSetting(facts, 'crunchy'),
    setting: inGroup('the configuration of the cluster', 'and restart it'),
    logical: 'set wal_level = logical in the configuration of the cluster, and restart it',
    replication: alterRole,
  },
]

export const selfHosted: Provider = {
  id: 'postgresql',
  name: 'a server without marks of a provider',
  setting: (name, value, after) =>
    `ALTER SYSTEM SET ${name} = '${value}'${after === 'restart' ? ', then restart PostgreSQL' : '; SELECT pg_reload_conf()'}`,
  logical: `ALTER SYSTEM SET wal_level = 'logical', then restart PostgreSQL`,
  replication: alterRole,
}

export function recogniseProvider(facts: ProviderMarks): Provider {
  return rules.find(({ isIt }) => isIt(facts)) ?? selfHosted
}
