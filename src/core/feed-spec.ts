// A changefeed as data: everything that running it needs, nothing about how it was written. Made by `plan`, structured
// cloneable (it crosses into worker threads), and later the payload of a job record.

import type { Hlc } from './hlc.ts'

export interface FeedSpec {
  /** Unique among the feeds of this server. */
  readonly id: string
  /** The source database's name. */
  readonly database: string
  readonly targets: readonly FeedTarget[]
  /** The name of a format (src/encode/formats.ts). */
  readonly format: string
  readonly envelope: 'wrapped' | 'row' | 'key_only'
  readonly updated: boolean
  readonly mvccTimestamp: boolean
  readonly diff: boolean
  readonly keyInValue: boolean
  readonly topicInValue: boolean
  readonly encodeJsonNullAsObject: boolean
  /** The least time between two resolved messages; undefined: none are emitted, 0: one at each advance of the frontier. */
  readonly resolvedIntervalMs: number | undefined
  /** Least time between two checkpoints; resolved messages come no faster. */
  readonly minCheckpointMs: number
  readonly initialScan: 'yes' | 'no' | 'only'
  /** Emit what changed strictly after it; with `initialScan` 'yes' the scan is as of it. Undefined: now. */
  readonly cursor: Hlc | undefined
  /** Stop, with success, after everything at or before it. */
  readonly endTime: Hlc | undefined
  /** `metrics_label`: metrics count the feed under it, too. Jobs of earlier versions have none. */
  readonly scope?: string | undefined
  readonly sink: SinkSpec
  /** What a schema change does. Jobs of earlier versions have none: then the defaults are meant. */
  readonly schemaChanges?: SchemaChangeSpec | undefined
  /** Where the format registers its schemas; undefined: it has none. May hold credentials: never log it. */
  readonly registry?: RegistrySpec | undefined
  /** The database is in SQL_ASCII, where text may be no UTF-8: such a row ends the feed. Jobs of earlier versions print U+FFFD instead. */
  readonly takesAnyBytes?: true | undefined
  /** `avro_schema_prefix`. */
  readonly avroSchemaPrefix?: string | undefined
}

export interface SchemaChangeSpec {
  /** Which DDL is a schema change. */
  readonly events: 'default' | 'column_changes'
  readonly policy: 'backfill' | 'nobackfill' | 'stop' | 'ignore'
}

/** What is meant when a specification says nothing: an earlier version has made it. */
export const defaultSchemaChanges: SchemaChangeSpec = { events: 'default', policy: 'backfill' }

/** How to reach a schema registry. */
export interface RegistrySpec {
  /** Base URLs of one registry, without credentials and parameters. Each may have a path. The first that answers is used. */
  readonly urls: readonly string[]
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** How long a request may take. */
  readonly timeoutMs: number
  /** PEM texts. */
  readonly caCert?: string | undefined
  readonly clientCert?: string | undefined
  readonly clientKey?: string | undefined
  /** As in `SinkSpec`. */
  readonly mayReachMetadata?: true
}

export interface FeedTarget {
  readonly relid: number
  /** Statement-time name as messages show it (with `full_table_name`: `database.schema.table`). Renames do not change it. */
  readonly topic: string
  /** Statement-time name, if `topic` is another one because the sink has topics of its own. */
  readonly name?: string | undefined
  /** Unqualified statement-time table name, for error texts. */
  readonly tableName: string
}

/**
 * Where the messages go: plain data of the sink that `tag` names. Only the folder of this sink knows the other members,
 * which may be credentials: never log a specification.
 */
export interface SinkSpec {
  readonly tag: string
  /** The hosts that the sink may connect to (allowed-hosts.ts), set at each start. Undefined: all. */
  readonly allowedHosts?: readonly string[]
  /** The sink may connect to the metadata services of clouds (net/metadata-address.ts), set at each start. */
  readonly mayReachMetadata?: true
}

/** How a bytea (or text) column goes to the client: hex and escape are PostgreSQL's two text forms. */
export type ValueFormat = 'hex' | 'escape' | 'binary'
