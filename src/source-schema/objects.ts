// The tables and event triggers that we install in a source database. The SQL is in sql/; a test compares this list with what
// PostgreSQL says is installed.

export interface SourceTable {
  readonly holds: string
  readonly columns: Readonly<Record<string, string>>
}

export interface SourceEventTrigger {
  readonly on: 'ddl_command_end' | 'sql_drop' | 'table_rewrite'
  readonly calls: 'on_ddl' | 'on_rewrite' | 'on_publication'
  readonly does: string
}

export const tables = {
  watched: {
    holds: 'the watched tables, a row for each. Its rows are published',
    columns: {
      relid: 'oid of the table',
      description: 'the table as JSON, as of the last change of its schema',
      since_xid: 'the transaction since which all changes of the table are published',
      types: 'types made by users that the table consists of',
      rewrites: 'how often ALTER TABLE has written all rows again with other values',
      needed_at: 'when a changefeed or a job last needed the table',
      was_identity: 'the replica identity that the table had before pg-changefeed changed it, or null',
      was_index: 'the index of that replica identity, if it was one with an index',
      since: 'the time of `since_xid`',
      attached: 'the transaction in which the table was last attached as a partition when it may have had rows, or 0',
      key_index:
        'the index that gives the key, if the table has no primary key and its replica identity was that index',
    },
  },
  source: {
    holds: 'one row: what the changelog must know of the database',
    columns: {
      only_one: 'always true',
      token: 'a new value says that changes may be missing that were written before',
      why: 'why they may be missing',
      seen: 'the token whose reason is in the changelog',
    },
  },
  type_locks: { holds: 'no row: its locks protect types while tables are described', columns: {} },
} as const satisfies Readonly<Record<string, SourceTable>>

export const eventTriggers = {
  pg_changefeed_ddl: {
    on: 'ddl_command_end',
    calls: 'on_ddl',
    does: 'describes watched tables again that a command has changed, keeps their rows complete',
  },
  pg_changefeed_drop: {
    on: 'sql_drop',
    calls: 'on_ddl',
    does: 'the same for dropped tables, columns and constraints, and protects our own objects',
  },
  pg_changefeed_rewrite: {
    on: 'table_rewrite',
    calls: 'on_rewrite',
    does: 'notices ALTER TABLE commands that write all rows again with other values',
  },
  pg_changefeed_publication: {
    on: 'ddl_command_end',
    calls: 'on_publication',
    does: 'refuses CREATE and ALTER PUBLICATION that would lose changes, or make writes to watched tables fail',
  },
  pg_changefeed_publication_drop: {
    on: 'sql_drop',
    calls: 'on_publication',
    does: 'refuses to drop the publication, or a table of it, while changefeeds need it',
  },
} as const satisfies Readonly<Record<string, SourceEventTrigger>>
