// Where a source database is, as plain data that crosses into worker threads.

/** The address of a server, and how our connections log in. It holds a credential: never log it, and never put it into a job. */
export interface PostgresServer {
  /** TCP host; ignored when `socketDir` is given. */
  readonly host: string
  readonly port: number
  /** Folder of the server's unix socket `.s.PGSQL.<port>`. */
  readonly socketDir?: string | undefined
  /** The IP address to connect to, so that `host` is not looked up; certificates and password files still go by `host`. */
  readonly address?: string | undefined
  readonly user: string
  /** Further addresses, which are tried in this order after the first one: the servers of a cluster whose primary may move. */
  readonly otherHosts?: readonly ServerHost[] | undefined
  /** Which of the servers will do; undefined: any. */
  readonly targetSessionAttrs?: TargetSessionAttrs | undefined
  readonly password?: PasswordSource | undefined
  /** Undefined: no encryption, as for sslmode=disable. */
  readonly tls?: TlsSettings | undefined
  readonly channelBinding?: 'disable' | 'prefer' | 'require' | undefined
  /** What the server may ask for, as for libpq's require_auth; undefined: anything. */
  readonly requireAuth?: readonly string[] | undefined
  /** How long one address may take until it accepts queries; undefined: 10 seconds. */
  readonly connectWithinMs?: number | undefined
  /** Hosts, and the addresses of each, are tried in random order. */
  readonly isShuffled?: true | undefined
  readonly keepAlive?: KeepAlive | undefined
  /** Further switches for the start of a session, such as `-c work_mem=64MB`. */
  readonly options?: string | undefined
  /** What the names of our sessions in pg_stat_activity end with. */
  readonly label?: string | undefined
  /** This program has started the server, so nobody else's server of ours can have made a slot there. */
  readonly isOwnServer?: true | undefined
  /** Nothing is installed in databases of this server, even where our role might: a DBA has prepared them. */
  readonly mayInstall?: false | undefined
}

export interface ServerHost {
  readonly host: string
  readonly port: number
  readonly socketDir?: string | undefined
  readonly address?: string | undefined
}

/** How the kernel finds out that the other machine is gone. Undefined: 30 s of silence, and then what the system does. */
export interface KeepAlive {
  readonly isOff?: true | undefined
  readonly idleMs?: number | undefined
  readonly everyMs?: number | undefined
  readonly count?: number | undefined
}

export type TargetSessionAttrs = 'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby'

/** Files are read at every connection, so that a changed password needs no restart. */
export type PasswordSource =
  | { readonly tag: 'text'; readonly text: string }
  /** A file whose first line is the password. */
  | { readonly tag: 'file'; readonly path: string }
  /** A file in the format of ~/.pgpass. */
  | { readonly tag: 'passfile'; readonly path: string }

export interface TlsSettings {
  readonly mode: 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
  /** Whether TLS begins at once, without PostgreSQL's request for it (PostgreSQL 17). */
  readonly isDirect: boolean
  /** A file, or `system` for the certificates that the system trusts; undefined: the default file, if there is one. */
  readonly rootCert?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly keyPassword?: string | undefined
  /** A file of revoked certificates; undefined: the default file, if there is one. */
  readonly revocations?: string | undefined
  /** A folder of such files. */
  readonly revocationsDir?: string | undefined
  readonly minVersion?: TlsVersion | undefined
  readonly maxVersion?: TlsVersion | undefined
  /** Whether a client certificate is never sent, sent if there is one, or has to exist; undefined: allow. */
  readonly certMode?: 'disable' | 'allow' | 'require' | undefined
  /** The name of the server is not sent in clear text. */
  readonly hidesName?: true | undefined
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

export interface SourceConnection extends PostgresServer {
  readonly database: string
}

/**
 * Session settings of every connection that rows are read from: output functions then print one way, everywhere, and no
 * setting of a database or a role ends a session, makes it refuse to write, or reads our statements another way.
 */
export const rowTextParameters = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  xmlbinary: 'base64',
  xmloption: 'content',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
  quote_all_identifiers: 'off',
  // pg_temp is last: if the path does not name it, it is searched first.
  search_path: 'pg_catalog,pg_temp',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  wal_sender_timeout: '60s',
  tcp_user_timeout: '0',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  row_security: 'off',
  role: 'none',
  exit_on_error: 'off',
  synchronous_commit: 'on',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  array_nulls: 'on',
} as const

/**
 * Settings that an older server does not know or that only a superuser may set: neither may stand in the start-up packet.
 * What is printed about a failure is read by `src/ingest/remedy.ts`, so it is in one language.
 */
export const laterParameters = {
  transaction_timeout: '0',
  lc_messages: 'C',
  session_replication_role: 'origin',
} as const

/**
 * Gives the id of the backend, and sets `laterParameters` where the server lets us. The bytes of a SQL_ASCII database may be no text in any encoding: they
 * come as they are.
 */
export const laterParametersSql = `SELECT pg_catalog.pg_backend_pid(), (SELECT pg_catalog.count(pg_catalog.set_config(s.name, v.value, false)) FROM (VALUES ${Object.entries(
  laterParameters,
)
  .map(([name, value]) => `('${name}', '${value}')`)
  .join(
    ', ',
  )}, ('client_encoding', CASE WHEN pg_catalog.current_setting('server_encoding') = 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)) AS v (name, value) JOIN pg_catalog.pg_settings s USING (name) WHERE s.context = 'user' OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user))`

/** Sets `rowTextParameters` in a session that exists already. */
export const rowTextParametersSql = `SELECT ${Object.entries(rowTextParameters)
  .map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`)
  .join(', ')}`
