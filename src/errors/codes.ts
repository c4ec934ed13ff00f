// The one table of what can go wrong. Each code says whether a running feed tries again (`retry`) and which SQLSTATE a
// client sees. Statements refuse at once whatever the table says; a running feed retries unless the code is terminal.

export interface CodeFacts {
  readonly sqlstate: string
  readonly retry: boolean
}

export const codes = {
  /** The statement does not parse. */
  FEED_SYNTAX: { sqlstate: '42601', retry: false },
  /** An option is unknown, misses its value, or does not fit the others. */
  FEED_OPTION: { sqlstate: '22023', retry: false },
  /** The statement is known to CockroachDB and not built here. */
  FEED_UNSUPPORTED: { sqlstate: '0A000', retry: false },
  /** A target table does not exist. */
  FEED_NO_TABLE: { sqlstate: '42P01', retry: false },
  /** A database does not exist. */
  FEED_NO_DATABASE: { sqlstate: '3D000', retry: false },
  /** The target exists and cannot be watched (view, sequence, system table, no primary key …). */
  FEED_TARGET: { sqlstate: '42809', retry: false },
  /** The role may not do this. */
  FEED_PRIVILEGE: { sqlstate: '42501', retry: false },
  /** The credentials of a job cannot be read. */
  FEED_SECRET: { sqlstate: '58000', retry: false },
  /** The far end, or who speaks for it, refuses the credentials of a sink. */
  FEED_CREDENTIALS: { sqlstate: '28000', retry: false },
  /** A setting has the wrong name or type. */
  FEED_SETTING: { sqlstate: '22023', retry: false },
  /** Not now: rangefeeds are off, the feature is disabled, a transaction is open. */
  FEED_STATE: { sqlstate: '55000', retry: false },
  /** The feature flag is off. */
  FEED_DISABLED: { sqlstate: '57000', retry: false },
  /** Cancelled by the user or by CANCEL QUERY. */
  FEED_CANCELED: { sqlstate: '57014', retry: false },
  /** The cursor lies before what the changelog still holds. */
  FEED_CURSOR_TOO_OLD: { sqlstate: '22023', retry: false },
  /** A watched table was truncated. */
  FEED_TRUNCATED: { sqlstate: 'XXUUU', retry: false },
  /** A watched table was dropped. */
  FEED_DROPPED: { sqlstate: 'XXUUU', retry: false },
  /** The feed fell behind the retention of the changelog. */
  FEED_FELL_BEHIND: { sqlstate: 'XXUUU', retry: false },
  /** Changes are missing from the changelog (slot lost, recreated, publication dropped). */
  FEED_GAP: { sqlstate: 'XXUUU', retry: false },
  /** A row cannot be emitted completely or in this format. */
  FEED_ROW: { sqlstate: 'XXUUU', retry: false },
  /** The changelog is damaged. */
  FEED_LOG_CORRUPT: { sqlstate: 'XX001', retry: false },
  /** A record of the changelog does not read as its table says: the bytes will be the same the next time. */
  FEED_DECODE: { sqlstate: 'XX001', retry: false },
  /** The disk of the changelog is full or failing. */
  FEED_LOG_IO: { sqlstate: '58030', retry: true },
  /** PostgreSQL is not reachable or dropped the connection. */
  FEED_SOURCE_DOWN: { sqlstate: '08006', retry: true },
  /** PostgreSQL refused something we asked of it. */
  FEED_SOURCE_REFUSED: { sqlstate: '55000', retry: true },
  /** The sink failed. */
  FEED_SINK: { sqlstate: '58000', retry: true },
  /** A server could not start (port taken, store in use, wrong version). */
  FEED_START: { sqlstate: '58000', retry: false },
  /** A worker thread died, and what ran in it. */
  FEED_THREAD: { sqlstate: 'XX000', retry: true },
  /** Malformed bytes on a wire. */
  FEED_PROTOCOL: { sqlstate: '08P01', retry: true },
  /** An error that nobody expected, from a library or the system: time may mend it. */
  FEED_UNEXPECTED: { sqlstate: 'XX000', retry: true },
  /** A broken invariant of ours. */
  FEED_BUG: { sqlstate: 'XX000', retry: false },
} as const satisfies Record<string, CodeFacts>

export type Code = keyof typeof codes
