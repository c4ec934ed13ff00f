// Where a case must be said in other words on PostgreSQL, as its own notes allow. Nothing here changes what is promised.

import type { ConformanceCase, ConformanceStep } from './cases.ts'

type Change = (original: ConformanceCase) => ConformanceCase

/** A primary key is changed by another statement. */
const alterPrimaryKey: Change = (original) => ({
  ...original,
  steps: original.steps.map((step) => ({
    ...step,
    ...(step.sql === undefined
      ? {}
      : {
          sql: step.sql.replace(
            /ALTER TABLE (\w+) ALTER PRIMARY KEY USING COLUMNS \((\w+)\)/,
            'ALTER TABLE $1 DROP CONSTRAINT $1_pkey, ADD PRIMARY KEY ($2)',
          ),
        }),
  })),
})

/** The messages are listed without the timestamps that the option adds. */
const withoutUpdated: Change = (original) => ({ ...original, feed: original.feed.replace(', updated', '') })

/** CockroachDB emits rows again that it has written anew for a dropped column. PostgreSQL writes none. */
const writtenOnce: Change = (original) => {
  const once = (step: ConformanceStep): ConformanceStep =>
    step.expect === undefined ? step : { ...step, expect: [...new Set(step.expect)] }
  const adapted = withoutUpdated(original)
  return { ...adapted, steps: adapted.steps.map(once) }
}

/** An encoder's test with one row at a fixed time: here a feed over that row, whose times are what they are. */
const encoder: Change = (original) => ({
  ...original,
  sql: original.sql.filter((statement) => !statement.startsWith('--')),
  feed: `${original.feed}, resolved, no_initial_scan`,
  // A resolved message first: the feed must have begun before the row is written.
  steps: [{ expect: ['one resolved timestamp'] }, ...original.steps.map(encoderStep)],
})

function encoderStep({ sql, expect }: ConformanceStep): ConformanceStep {
  if (expect !== undefined) return { expect: expect.map((text) => text.replace('1.0000000002', '<hlc>')) }
  if (sql === '-- encode insert --') return { sql: "INSERT INTO foo VALUES (1, 'bar')" }
  if (sql === '-- encode delete --') return { sql: 'DELETE FROM foo' }
  return { sql: '' }
}

/** A cursor lies in what was recorded, and a table is recorded from its first changefeed on. */
const recordedFromTheStart: Change = (original) => ({
  ...original,
  sql: original.sql.flatMap((statement) => {
    const table = /^CREATE TABLE (\w+)/.exec(statement)?.[1]
    return table === undefined
      ? [statement]
      : [statement, `EXPERIMENTAL CHANGEFEED FOR ${table} WITH initial_scan_only`]
  }),
})

/** PostgreSQL wants the words GENERATED ALWAYS. */
const generatedAlways: Change = (original) => {
  const inOurWords = (sql: string): string =>
    sql.replace(/\bINT AS \(/g, 'INT GENERATED ALWAYS AS (').replace(' NOT NULL)', ')')
  return {
    ...original,
    sql: original.sql.map(inOurWords),
    steps: original.steps.map((step) => (step.sql === undefined ? step : { ...step, sql: inOurWords(step.sql) })),
  }
}

/**
 * PostgreSQL fixes the time of a transaction when it commits, and gives it afterwards: the transaction that wrote the row
 * is asked for it then.
 */
const commitTimeAfterwards: Change = (original) => ({
  ...original,
  steps: original.steps.flatMap((step): ConformanceStep[] => {
    const insert = /^(.*) RETURNING cluster_logical_timestamp\(\) -- = (\w+)$/.exec(step.sql ?? '')
    if (insert === null) return [step]
    const time = `SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::int8::text || '000.0000000000' FROM foo WHERE a = 1`
    return [{ sql: insert[1] ?? '' }, { sql: `${time} -- = ${insert[2]}` }]
  }),
})

/** A notice about options, whatever the sink. */
const intoNull: Change = (original) => ({ ...original, feed: original.feed.replace(/INTO '[^']*'/, "INTO 'null://'") })

/** PostgreSQL has no column families; the statement is refused before it matters which a table has. */
const withoutFamilies: Change = (original) => ({
  ...original,
  sql: original.sql.map((statement) => statement.replace(/, family \w+ ?\([\w,]+\)/gi, '')),
})

/** Whether the feed is a job: a statement with a sink answers by itself, and only then is it known whether it was accepted. */
export function isJob({ feed }: ConformanceCase): boolean {
  return / INTO /i.test(feed)
}

/** The statement does not say where to; its messages are read from Kafka. */
const intoKafka: Change = (original) => ({
  ...original,
  feed: original.feed
    .split(' -- and a second feed: ')
    .map((feed) =>
      feed.replace(/^(.* FOR (?:TABLE )?\w+(?:, \w+)*)/, "$1 INTO 'kafka://<kafka>?topic_prefix=<prefix>'"),
    )
    .join(' -- and a second feed: '),
})

/** A broker that exists in the place of one that does not matter. */
const realBroker: Change = (original) => ({ ...original, feed: original.feed.replace('does.not.matter', '<kafka>') })

/** The harness lets feeds save their progress all the time. */
const savedOften: Change = (original) => {
  const { feed } = intoKafka(original)
  return { ...original, feed: `${feed}, min_checkpoint_frequency='10ms'` }
}

/** The URI has no region and no credentials, which CockroachDB's tests of Pub/Sub do not need. */
const toPubsub: Change = (original) => ({
  ...original,
  // The tables have no primary key.
  sql: original.sql.map((statement) => statement.replace('(i int)', '(i int PRIMARY KEY)')),
  feed: original.feed.replace(/gcpubsub:\/\/[\w.]+\/?\??/, 'gcpubsub://<project>?region=us-east1&AUTH=implicit&'),
})

const cursorNow: Change = (original) =>
  savedOften({
    ...recordedFromTheStart(original),
    sql: [...recordedFromTheStart(original).sql, '-- take the cursor here -- = now'],
  })

/** A schema registry that nobody asks: what is refused is refused before. */
const unaskedRegistry: Change = (original) => ({
  ...original,
  feed: original.feed.replace('$registry', "'http://registry.example'"),
})

/** The harness gives each feed with Avro a registry. */
const withRegistry: Change = (original) => {
  const changed = original.steps.some(({ sql }) => sql?.startsWith('-- encode') === true) ? encoder(original) : original
  const option = "confluent_schema_registry='<registry>'"
  return { ...changed, feed: changed.feed.replace(/\bformat=['"]?avro['"]?/, `$&, ${option}`) }
}

/** With `updated`, rows whose time does not matter are written without it. Copies of one backfill have the same time. */
const timesOfChanges: Change = (original) => ({
  ...original,
  steps: original.steps.map(({ expect, ...step }) => ({
    ...step,
    ...(expect === undefined
      ? {}
      : {
          expect: expect.map((text) =>
            text.includes('"updated"')
              ? text.replace(/<([\w ]+)>/g, '<same $1>')
              : text.replace(/\}$/, ', "updated": "<hlc>"}'),
          ),
        }),
  })),
})

/** The feed is behind: its job is paused while the table is altered. */
const pausedMeanwhile: Change = (original) => {
  const changed = savedOften(timesOfChanges(original))
  const words: Readonly<Record<string, string>> = {
    '-- hold the sink --': 'PAUSE JOB $1',
    '-- release the sink --': 'RESUME JOB $1',
  }
  const inWords = ({ sql, ...step }: ConformanceStep): ConformanceStep =>
    sql === undefined ? step : { ...step, sql: words[sql] ?? sql }
  return { ...changed, steps: changed.steps.map(inWords) }
}

/** The runner knows the value of `$1` under the name cursor. */
const cursorFromStart: Change = (original) => {
  const changed = recordedFromTheStart(original)
  return { ...changed, sql: changed.sql.map((sql) => sql.replace('-- = start', '-- = cursor')) }
}

/** Five rows, of which each is asked for its id and for the time of its transaction. */
const timesOfRows: Change = (original) => {
  const table = 'mvcc_timestamp_test_table'
  const last = `(SELECT xmin FROM ${table} ORDER BY xmin::text::int8 DESC LIMIT 1)`
  const rows = [0, 1, 2, 3, 4].map((n) => ({
    sql: [
      `INSERT INTO ${table} VALUES (DEFAULT) RETURNING id -- = id${n}`,
      `SELECT (extract(epoch FROM pg_xact_commit_timestamp(${last})) * 1000000)::int8::text || '000.0000000000' -- = ts${n}`,
    ],
    expect: (text: string) => text.replaceAll('<id>', `<id${n}>`).replaceAll('<ts>', `<ts${n}>`),
  }))
  return withRegistry({
    ...original,
    sql: [original.sql[0] ?? '', ...rows.flatMap(({ sql }) => sql)],
    steps: original.steps.map(({ expect: [text = ''] = [] }) => ({ expect: rows.map(({ expect }) => expect(text)) })),
  })
}

/** PostgreSQL makes an enum with a statement of its own, before the table. */
const ownTypes: Change = (original) =>
  withRegistry({
    ...original,
    sql: original.sql.flatMap((sql) => {
      const [, labels] = /a enum switch \((.*?)\)/.exec(sql) ?? []
      if (labels === undefined) return [sql]
      const quoted = labels.split(', ').map((label) => `'${label}'`)
      return [`CREATE TYPE switch AS ENUM (${quoted.join(', ')})`, sql.replace(/a enum switch \(.*?\)/, 'a switch')]
    }),
  })

/** Nothing can be injected: a table that is truncated is a terminal error that users meet. */
const terminalError: Change = (original) => ({
  ...original,
  sql: original.sql.filter((statement) => !statement.startsWith('--')),
  feed: original.feed.replace('FOR foo', "FOR foo INTO 'null://'"),
  steps: [
    // What is truncated before the scan was never seen.
    { expect: ['a high-water mark'] },
    ...original.steps.flatMap(({ sql, expect }): ConformanceStep[] =>
      expect === undefined
        ? [{ sql: sql ?? '' }, { sql: 'TRUNCATE foo' }]
        : [{ expect: expect.map((text) => text.replace('should fail with custom error', '"foo" was truncated')) }],
    ),
  ],
})

/** The broker goes away and comes back; the terminal error is a truncated table. */
const realTrouble: Change = (original) => ({
  ...original,
  // A feed that has nothing to write hears of its sink's failure at the next checkpoint.
  feed: `${intoKafka(original).feed} WITH min_checkpoint_frequency='10ms', kafka_sink_config='{"Retry": {"Max": 1, "Backoff": "50ms"}}'`,
  steps: original.steps.map(({ sql, expect, expect_error: error }) => {
    if (sql?.includes('fails every row')) return { sql: '-- kill the broker --' }
    if (sql?.includes('repaired')) return { sql: '-- restart the broker --' }
    if (sql?.includes('terminal error')) return { sql: 'TRUNCATE foo' }
    if (error !== undefined) return { expect_error: '^"foo" was truncated$' }
    if (expect !== undefined)
      return { expect: expect.map((text) => text.replace('synthetic retryable error', 'transient error: ')) }
    return { sql: sql ?? '' }
  }),
})

/** History is what the slot holds: a slot that is lost takes what the feed has not seen with it. */
const historyLost: Change = (original) => ({
  ...original,
  steps: [
    { expect: ['[1]->{"after": {"a": 1, "b": 1}}'] },
    { sql: '-- lose the slot --' },
    { expect_error: 'changes are missing' },
  ],
})

/** Splitting cannot be switched off, and an error names the table and its key columns, never the key: see the sink's own tests. */
const alwaysSplits: Change = (original) => ({ ...original, steps: original.steps.slice(2) })

const changes: Readonly<Record<string, Change>> = {
  'cursor-002': recordedFromTheStart,
  'cursor-003': recordedFromTheStart,
  'cursor-schema-001': writtenOnce,
  'scan-004': recordedFromTheStart,
  'scan-005': intoKafka,
  'scan-006': intoKafka,
  'ts-001': commitTimeAfterwards,
  'computed-001': generatedAlways,
  'virtual-001': generatedAlways,
  'virtual-002': generatedAlways,
  'virtual-003': (original) => withRegistry(generatedAlways(original)),
  'err-015': unaskedRegistry,
  'err-016': unaskedRegistry,
  'pk-002': alterPrimaryKey,
  'notice-002': intoNull,
  'notice-003': intoNull,
  'err-013': withoutFamilies,
  'kafka-003': alwaysSplits,
  'notice-001': realBroker,
  'topic-004': realBroker,
  'topic-005': toPubsub,
  'job-001': savedOften,
  'job-002': cursorNow,
  'onerror-002': terminalError,
  'onerror-003': terminalError,
  'error-001': intoKafka,
  'error-003': realTrouble,
  'error-004': historyLost,
  'headers-001': intoKafka,
  'headers-003': intoKafka,
  'headers-004': intoKafka,
  'headers-005': intoKafka,
  'csv-001': intoKafka,
  'csv-003': intoKafka,
  'schema-bf-003': timesOfChanges,
  'schema-bf-004': pausedMeanwhile,
  'schema-bf-005': timesOfChanges,
  'schema-nobackfill-003': generatedAlways,
  'schema-nobf-001': cursorFromStart,
  'schema-nobf-004': intoKafka,
  'schema-nobf-006': intoKafka,
  'schema-nobf-008': intoKafka,
  'schema-nobf-009': intoKafka,
  'schema-nobf-010': intoKafka,
  'schema-nobf-011': intoKafka,
  'schema-stop-003': generatedAlways,
  'avro-002': (original) => withRegistry(intoKafka(original)),
  'fam-005': (original) => withRegistry(withoutFamilies(original)),
  'ts-003': timesOfRows,
  'avro-value-024': ownTypes,
}

export function adapted(original: ConformanceCase): ConformanceCase {
  const own = changes[original.id]
  if (own !== undefined) return own(original)
  if (original.area === 'pubsub') return toPubsub(original)
  if (/^avro(?:-types)?$/.test(original.area)) return withRegistry(original)
  return original.steps.some(({ sql }) => sql?.startsWith('-- encode') === true) ? encoder(original) : original
}
