// Our own statements as plain values. All other statements are PostgreSQL's and are never parsed here.
// Positions count characters (code points) from 0, from the start of the whole query string, as PostgreSQL's do from 1.

export type Statement =
  | CreateChangefeed
  | ExplainChangefeed
  | SetClusterSetting
  | ResetClusterSetting
  | ShowClusterSetting
  | ShowClusterSettings
  | ShowQueries
  | CancelQueries
  | ControlJobs
  | ShowJobs
  | ShowAutomaticJobs
  | UseDatabase
  | ResetSession
  | Deallocate
  | ShowDatabase
  | DropDatabase
  | AlterEventTrigger
  | MoveDatabase
  | Unwatch
  | ShowDatabases
  | ShowTables
  | GrantChangefeed
  | RoleOptions

/** The statements that a SELECT answers. */
export type ShowStatement = Extract<Statement, { readonly tag: `show-${string}` }>

/**
 * EXPERIMENTAL CHANGEFEED FOR targets [WITH options]
 * CREATE CHANGEFEED FOR targets [INTO sink] [WITH options | WITH OPTIONS (options)]
 */
export interface CreateChangefeed {
  readonly tag: 'create-changefeed'
  readonly experimental: boolean
  readonly targets: readonly Target[]
  readonly sink: Value | undefined
  readonly options: readonly Option[]
}

/** EXPLAIN CHANGEFEED FOR targets [INTO sink] [WITH options | WITH OPTIONS (options)] */
export interface ExplainChangefeed {
  readonly tag: 'explain-changefeed'
  readonly changefeed: CreateChangefeed
}

/** [TABLE] [[database.]schema.]table [FAMILY family] */
export interface Target {
  /** One to three name parts, unquoted and folded as PostgreSQL folds them. */
  readonly parts: readonly string[]
  readonly family: string | undefined
  /** The text in the statement, for messages. */
  readonly text: string
  readonly position: number
}

export interface Option {
  /** Lower case. */
  readonly name: string
  readonly value: Value | undefined
  readonly position: number
}

export type Value =
  | { readonly tag: 'string'; readonly text: string; readonly position: number }
  /** Digits, sign, dot and exponent as written. */
  | { readonly tag: 'number'; readonly text: string; readonly position: number }
  /** A bare word (`json`, `true`), or what only lexes as one (`30s`). */
  | { readonly tag: 'word'; readonly text: string; readonly position: number }
  /** `$n`; n from 1. */
  | { readonly tag: 'placeholder'; readonly index: number; readonly position: number }

/** SET CLUSTER SETTING name (= | TO) (value | DEFAULT) */
export interface SetClusterSetting {
  readonly tag: 'set-cluster-setting'
  readonly name: string
  /** Undefined for DEFAULT. */
  readonly value: Value | undefined
  readonly position: number
}

export interface ResetClusterSetting {
  readonly tag: 'reset-cluster-setting'
  readonly name: string
  readonly position: number
}

export interface ShowClusterSetting {
  readonly tag: 'show-cluster-setting'
  readonly name: string
  readonly position: number
}

/** SHOW [ALL | PUBLIC] CLUSTER SETTINGS */
export interface ShowClusterSettings {
  readonly tag: 'show-cluster-settings'
  readonly all: boolean
}

/** SHOW [CLUSTER | LOCAL | SESSION] QUERIES */
export interface ShowQueries {
  readonly tag: 'show-queries'
}

/** CANCEL QUERY [IF EXISTS] ('id' | (select)) | CANCEL QUERIES [IF EXISTS] select */
export interface CancelQueries {
  readonly tag: 'cancel-queries'
  /** CANCEL QUERY takes one id, CANCEL QUERIES any number. */
  readonly isMany: boolean
  /** An id that does not exist is no error. */
  readonly ifExists: boolean
  readonly id: Value | undefined
  /** The SQL text of the sub-select, if there is one. */
  readonly select: string | undefined
  readonly position: number
}

/** (PAUSE | RESUME | CANCEL) (JOB | JOBS) ids */
export interface ControlJobs {
  readonly tag: 'control-jobs'
  readonly verb: 'pause' | 'resume' | 'cancel'
  readonly ids: JobIds
}

export type JobIds =
  | { readonly tag: 'values'; readonly values: readonly Value[] }
  /** SQL text, with or without brackets. */
  | { readonly tag: 'select'; readonly sql: string }

/** SHOW JOBS | SHOW (JOB | JOBS) [WHEN COMPLETE] ids */
export interface ShowJobs {
  readonly tag: 'show-jobs'
  /** Undefined for all. */
  readonly ids: JobIds | undefined
  readonly whenComplete: boolean
}

export interface ShowAutomaticJobs {
  readonly tag: 'show-automatic-jobs'
}

/** SET DATABASE (= | TO) name | USE name */
export interface UseDatabase {
  readonly tag: 'use-database'
  readonly name: string
  readonly position: number
}

/** The statements by which a pool resets a session: each makes the database of the connection the current one again. */
export interface ResetSession {
  readonly tag: 'reset-session'
  readonly what: 'database' | 'settings' | 'everything'
}

/** DEALLOCATE [PREPARE] (name | ALL) */
export interface Deallocate {
  readonly tag: 'deallocate'
  /** Undefined for all. */
  readonly name: string | undefined
}

export interface ShowDatabase {
  readonly tag: 'show-database'
}

/** DROP DATABASE [IF EXISTS] name … , which PostgreSQL runs after our connections to the database are closed. */
export interface DropDatabase {
  readonly tag: 'drop-database'
  readonly name: string
}

/** ALTER DATABASE … RENAME and CREATE DATABASE … TEMPLATE name, which PostgreSQL runs while nobody is connected to the database. */
export interface MoveDatabase {
  readonly tag: 'move-database'
  readonly name: string
  readonly what: 'altered' | 'copied'
}

/** ALTER EVENT TRIGGER of a trigger that may be ours. PostgreSQL fires no event trigger for this statement. */
export interface AlterEventTrigger {
  readonly tag: 'alter-event-trigger'
  readonly name: string
  readonly position: number
}

/** UNWATCH TABLE … | UNWATCH DATABASE [name] */
export interface Unwatch {
  readonly tag: 'unwatch'
  readonly what:
    | { readonly tag: 'tables'; readonly targets: readonly Target[] }
    /** Undefined for the database of the session. */
    | { readonly tag: 'database'; readonly name: string | undefined }
  readonly position: number
}

export interface ShowDatabases {
  readonly tag: 'show-databases'
}

export interface ShowTables {
  readonly tag: 'show-tables'
}

/** (GRANT | REVOKE) CHANGEFEED ON [TABLE] tables (TO | FROM) roles */
export interface GrantChangefeed {
  readonly tag: 'grant-changefeed'
  readonly verb: 'grant' | 'revoke'
  readonly targets: readonly Target[]
  /** Undefined for PUBLIC. */
  readonly roles: readonly (string | undefined)[]
}

/** CREATE and ALTER ROLE with options of CockroachDB, GRANT SYSTEM. */
export interface RoleOptions {
  readonly tag: 'role-options'
  /** The roles that are granted or revoked. */
  readonly roles: readonly string[]
  /** The statement that PostgreSQL gets instead. */
  readonly sql: string
}
