// Which tests run against which PostgreSQL (test/support/servers/server-of-tests.ts).

export const versions = ['14', '15', '16', '17', '18'] as const

/** A superuser, and a role that may read what a DBA has prepared. */
export const roles = ['', '-prepared'] as const

/** Parts of paths: what a changefeed promises, over each way to follow it, and after crashes. */
export const suites: Readonly<Record<(typeof roles)[number], readonly string[]>> = {
  '': [
    'src/ingest/',
    'src/scan/',
    'src/source-schema/',
    'src/jobs/',
    'src/encode/json/types.pg',
    'src/postgres/session-settings.pg',
    'src/sink/rows/rows-feed.pg',
    'src/sink/kafka/kafka-feed.kafka',
    'test/crash/',
    ...[
      'sinkless',
      'transactions',
      'schema-changes',
      'key-changes',
      'kinds-of-ddl',
      'before-ddl',
      'rows-before-ddl',
      'rows-at-change',
      'rows-at-cursor',
      'exact-bytes',
      'large-row',
      'encodings',
      'source-settings',
      'source-time',
      'running-statement',
    ].map((name) => `test/end-to-end/${name}.`),
  ],
  '-prepared': [
    'src/sink/rows/rows-feed.pg',
    'src/sink/kafka/kafka-feed.kafka',
    'test/crash/',
    ...['sinkless', 'transactions', 'exact-bytes', 'large-row'].map((name) => `test/end-to-end/${name}.`),
  ],
}
