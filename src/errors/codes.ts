// The one table of what can go wrong. docs/reference/errors.md is generated from it (`npm run reference`). Statements and
// changefeeds on a connection end with the error, whatever the table says. `reaction` is about what runs without a client:
// jobs, and the reading of a database.

export interface CodeFacts {
  readonly sqlstate: string
  /** What the server does with a job. After `pause` the job continues with RESUME JOB. */
  readonly reaction: 'retry' | 'pause' | 'fail'
  /** A sentence that says what happened. */
  readonly means: string
  /** A sentence that says what the operator does about it. */
  readonly todo: string
}

export const codes = {
  FEED_SYNTAX: {
    sqlstate: '42601',
    reaction: 'fail',
    means: 'The statement cannot be parsed.',
    todo: 'Correct it; the error shows the position.',
  },
  FEED_OPTION: {
    sqlstate: '22023',
    reaction: 'fail',
    means:
      'An option, or a parameter of the sink URI or of a connection string, is unknown, has a wrong or missing value, or contradicts another one.',
    todo: 'Correct the statement; see [options](options.md) and [sink parameters](sink-parameters.md).',
  },
  FEED_UNSUPPORTED: {
    sqlstate: '0A000',
    reaction: 'fail',
    means: 'The statement is valid, but asks for something that pg-changefeed does not support.',
    todo: 'Use what the hint names, if it names something.',
  },
  FEED_NO_TABLE: {
    sqlstate: '42P01',
    reaction: 'fail',
    means: 'A table does not exist.',
    todo: 'Check its name, its schema and the current database.',
  },
  FEED_NO_DATABASE: {
    sqlstate: '3D000',
    reaction: 'fail',
    means: 'A database does not exist.',
    todo: 'Check its name; SHOW DATABASES lists all of them.',
  },
  FEED_TARGET: {
    sqlstate: '42809',
    reaction: 'fail',
    means:
      'The relation exists, but a changefeed cannot follow it: it is a view, a sequence or a system table, has no primary key, and so on.',
    todo: 'Name another table, or change this one as the hint says.',
  },
  FEED_PRIVILEGE: {
    sqlstate: '42501',
    reaction: 'pause',
    means: 'The role does not have the right to do this, or a right was revoked while the changefeed ran.',
    todo: 'Grant the right that the message names, then RESUME JOB if a job was paused.',
  },
  FEED_SECRET: {
    sqlstate: '58000',
    reaction: 'pause',
    means: 'The stored credentials of a job cannot be decrypted with the key file of this store.',
    todo: 'Put the right key file back and RESUME JOB, or create the changefeed again.',
  },
  FEED_CREDENTIALS: {
    sqlstate: '28000',
    reaction: 'pause',
    means: 'The endpoint that issues tokens for a sink refuses the credentials of the job.',
    todo: 'Make the issuer accept them again and RESUME JOB, or create the changefeed again with other credentials.',
  },
  FEED_SETTING: {
    sqlstate: '22023',
    reaction: 'fail',
    means: 'A setting does not exist, or its value has the wrong type.',
    todo: 'Correct the statement; SHOW ALL CLUSTER SETTINGS lists the settings.',
  },
  FEED_STATE: {
    sqlstate: '55000',
    reaction: 'fail',
    means:
      'The statement is valid, but not possible now: a setting is off, a transaction is open, a table is in use, a job has another status, and so on.',
    todo: 'Do what the hint says, then run the statement again.',
  },
  FEED_DISABLED: {
    sqlstate: '57000',
    reaction: 'fail',
    means: 'An administrator has disabled new changefeeds.',
    todo: 'SET CLUSTER SETTING feature.changefeed.enabled = true.',
  },
  FEED_CANCELED: {
    sqlstate: '57014',
    reaction: 'fail',
    means: 'The statement was cancelled by a user, by CANCEL QUERY or by statement_timeout.',
    todo: 'Nothing, if that was intended; SET statement_timeout = 0 for a changefeed on a connection.',
  },
  FEED_CURSOR_TOO_OLD: {
    sqlstate: '22023',
    reaction: 'fail',
    means: 'The cursor is older than the oldest change that the changelog still has.',
    todo: 'Start without a cursor, with an initial scan; a longer changefeed.changelog.retention helps the next time.',
  },
  FEED_TRUNCATED: {
    sqlstate: 'XXUUU',
    reaction: 'fail',
    means: 'A table of the changefeed was truncated.',
    todo: 'Start a new changefeed.',
  },
  FEED_DROPPED: {
    sqlstate: 'XXUUU',
    reaction: 'fail',
    means: 'A table of the changefeed was dropped.',
    todo: 'Start a new changefeed without this table.',
  },
  FEED_SCHEMA_CHANGE: {
    sqlstate: '55C01',
    reaction: 'fail',
    means:
      'A table of a changefeed with `schema_change_policy = stop` was changed. Everything before the change was emitted, unless the error says that the initial scan was not complete.',
    todo: 'Run the CREATE CHANGEFEED statement again with the time of the error as `cursor`; without `cursor` if the initial scan was not complete.',
  },
  FEED_FELL_BEHIND: {
    sqlstate: 'XXUUU',
    reaction: 'fail',
    means: 'The changefeed was so far behind that the changelog has already removed the changes that it needed next.',
    todo: 'Raise changefeed.changelog.retention or changefeed.changelog.max_size, then start a new changefeed with an initial scan.',
  },
  FEED_GAP: {
    sqlstate: 'XXUUU',
    reaction: 'fail',
    means:
      'Changes of a table of this changefeed are missing from the changelog, for example because the replication slot or the publication was dropped. The message gives the reason.',
    todo: 'Start a new changefeed with an initial scan.',
  },
  FEED_ROW: {
    sqlstate: 'XXUUU',
    reaction: 'fail',
    means: 'A row cannot be read completely, or cannot be printed in the format of the changefeed.',
    todo: 'Correct the row or the table as the hint says, then start a new changefeed.',
  },
  FEED_LOG_CORRUPT: {
    sqlstate: 'XX001',
    reaction: 'fail',
    means: 'A file of the changelog is damaged or missing.',
    todo: 'Check the disk. The hint says how to go on; changefeeds whose changes are lost need a new initial scan.',
  },
  FEED_DECODE: {
    sqlstate: 'XX001',
    reaction: 'fail',
    means: 'A change in the changelog does not have the form that pg-changefeed expects.',
    todo: 'Report it, with the message and the version of PostgreSQL; start a new changefeed with an initial scan.',
  },
  FEED_LOG_IO: {
    sqlstate: '58030',
    reaction: 'retry',
    means: 'The disk of the changelog is full, or cannot be read or written.',
    todo: 'Free space or repair the disk. Until then PostgreSQL keeps the changes in its write-ahead log.',
  },
  FEED_LOG_STOPPED: {
    sqlstate: '55000',
    reaction: 'retry',
    means:
      'The server has stopped reading the changes of this database because of another error, which the message gives.',
    todo: 'Solve that error; the server tries to read the database again when a changefeed starts.',
  },
  FEED_SOURCE_DOWN: {
    sqlstate: '08006',
    reaction: 'retry',
    means: 'PostgreSQL cannot be reached, is starting or stopping, or has closed a connection.',
    todo: 'Check that PostgreSQL runs and has free connections.',
  },
  FEED_SOURCE_REFUSED: {
    sqlstate: '55000',
    reaction: 'retry',
    means:
      'PostgreSQL has refused a command of pg-changefeed, or its tables, publication or slot changed while pg-changefeed worked with them. The SQLSTATE is that of PostgreSQL where there is one.',
    todo: 'Read the message of PostgreSQL and its hint.',
  },
  FEED_SINK: {
    sqlstate: '58000',
    reaction: 'retry',
    means: 'The sink cannot be reached, or has refused a message.',
    todo: 'Repair the sink, or its configuration, as the message and the hint say.',
  },
  FEED_REGISTRY: {
    sqlstate: '58000',
    reaction: 'retry',
    means: 'The schema registry cannot be reached, does not answer, or refuses the credentials or the request.',
    todo: 'Repair the registry, or its URL, as the message and the hint say.',
  },
  FEED_SCHEMA: {
    sqlstate: '42804',
    reaction: 'retry',
    means:
      'The schema registry refuses a schema, most often because it is not compatible with the earlier ones of the subject.',
    todo: 'Undo the change of the table if no row was written since, or change the compatibility of the subject in the registry; the job then goes on by itself.',
  },
  FEED_LATER_VERSION: {
    sqlstate: '55000',
    reaction: 'retry',
    means: 'A changefeed has a sink or a format that this version of pg-changefeed does not know.',
    todo: 'Start the version that created the changefeed, or a later one, and the changefeed goes on.',
  },
  FEED_REPLACED: {
    sqlstate: '55000',
    reaction: 'retry',
    means:
      'The files of pg-changefeed were replaced, by an update for example, while the server runs, and it needs a part of them that it has not loaded yet.',
    todo: 'Restart the server. What runs already goes on until then.',
  },
  FEED_START: {
    sqlstate: '58000',
    reaction: 'fail',
    means:
      'A server or a command cannot start or stop, or cannot use a database: the port or the store is in use, a file cannot be read, the changelog belongs to another database, and so on.',
    todo: 'Do what the hint says, then start again.',
  },
  FEED_THREAD: {
    sqlstate: 'XX000',
    reaction: 'retry',
    means: 'A worker thread of the server died, together with the changefeeds that it ran.',
    todo: 'If it happens again, check the memory of the machine and report it, with the log of the server.',
  },
  FEED_PROTOCOL: {
    sqlstate: '08P01',
    reaction: 'retry',
    means: 'A client or PostgreSQL has sent bytes that its protocol does not allow.',
    todo: 'If it happens again, report it, with the versions of the client and of PostgreSQL.',
  },
  FEED_UNEXPECTED: {
    sqlstate: 'XX000',
    reaction: 'retry',
    means: 'The operating system, a library or pg-changefeed itself has failed in a way that has no code of its own.',
    todo: 'If it happens again, report it, with the log of the server.',
  },
  FEED_BUG: {
    sqlstate: 'XX000',
    reaction: 'fail',
    means: 'A check inside pg-changefeed has found a state that should be impossible, and stopped before it did harm.',
    todo: 'Report it, with the log of the server.',
  },
} as const satisfies Record<string, CodeFacts>

export type Code = keyof typeof codes
