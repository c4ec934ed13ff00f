// What CREATE CHANGEFEED … INTO promises of its initial scan: it is as of the statement, whenever the job comes to read
// it. What commits after the statement has returned is a change.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { settlesWithin } from '../support/deadline.ts'
import { endTogether, startTogether } from '../support/services.ts'

const withinMs = 30_000
const often = "WITH updated, resolved, min_checkpoint_frequency = '0s'"
let server: TestServer
let broker: KafkaBroker

before(async () => {
  if (skip !== false) return
  ;[server, broker] = await startTogether(TestServer.start(), KafkaBroker.start())
})
after(async () => {
  await endTogether(server, broker)
})

/** Runs statements one after the other on one connection; gives the rows of each. */
async function run(...statements: string[]): Promise<Record<string, unknown>[][]> {
  const client = await server.connect()
  const answers: Record<string, unknown>[][] = []
  try {
    for (const sql of statements) answers.push((await client.query<Record<string, unknown>>(sql)).rows)
  } finally {
    await client.end()
  }
  return answers
}

const into = (table: string, options = often): string =>
  `CREATE CHANGEFEED FOR ${table} INTO 'kafka://${broker.bootstrap}' ${options}`

const pauseIt = (table: string): string =>
  `PAUSE JOBS (SELECT job_id FROM [SHOW JOBS] WHERE status = 'running' AND description LIKE '%TABLE ${table} %')`

/** What was said of each row, in the order in which it came, without repetitions. */
function stories(feed: KafkaFeed): Record<string, string[]> {
  const told: Record<string, string[]> = {}
  for (const { key, value } of feed.rows) {
    const text = String(value).replace(/, "updated": "[^"]*"/, '')
    const story = (told[String(key)] ??= [])
    if (!story.includes(text)) story.push(text)
  }
  return told
}

const highWater = async (id: string): Promise<string | undefined> => {
  const [row] = await server.sql(`SELECT high_water_timestamp::text AS h FROM crdb_internal.jobs WHERE job_id = ${id}`)
  return (row?.['h'] as string | null) ?? undefined
}

const changes = (table: string): string[] => [
  `INSERT INTO ${table} VALUES (1, 'Carl')`,
  `UPDATE ${table} SET name = 'Petee' WHERE id = 1`,
  `INSERT INTO ${table} VALUES (2, 'Ernie')`,
  `DELETE FROM ${table} WHERE id = 2`,
  `UPDATE ${table} SET name = 'Rex H' WHERE id = 3`,
  `DELETE FROM ${table} WHERE id = 4`,
]
const told = {
  '[1]': ['{"after": {"id": 1, "name": "Carl"}}', '{"after": {"id": 1, "name": "Petee"}}'],
  '[2]': ['{"after": {"id": 2, "name": "Ernie"}}', '{"after": null}'],
  '[3]': ['{"after": {"id": 3, "name": "Rex"}}', '{"after": {"id": 3, "name": "Rex H"}}'],
  '[4]': ['{"after": {"id": 4, "name": "Bella"}}', '{"after": null}'],
}

async function makeDogs(table: string): Promise<void> {
  await broker.createTopic(table)
  await server.sql(`CREATE TABLE ${table} (id INT PRIMARY KEY, name TEXT)`)
  await server.sql(`INSERT INTO ${table} VALUES (3, 'Rex'), (4, 'Bella')`)
}

async function judge(id: string, table: string, expected: Record<string, string[]>): Promise<void> {
  await using feed = KafkaFeed.of({ server, broker, topics: [table], jobId: id })
  await until('all was told', withinMs, () => {
    const all = stories(feed)
    return Object.entries(expected).every(([key, story]) => (all[key]?.length ?? 0) >= story.length) ? true : undefined
  })
  await until('the time behind it is resolved', withinMs, () => (feed.resolved.length > 2 ? true : undefined))
  assert.deepEqual(stories(feed), expected)
  assert.deepEqual(feed.failures, [])
}

test('what is committed right after CREATE is emitted change by change', { skip }, async () => {
  await makeDogs('at_once')
  const [created] = await run(into('at_once'), ...changes('at_once'))
  await judge(String(created?.[0]?.['job_id']), 'at_once', told)
})

test('a job that is paused at once scans as of its statement when it is resumed', { skip }, async () => {
  await makeDogs('paused_dogs')
  const [created] = await run(into('paused_dogs'), pauseIt('paused_dogs'), ...changes('paused_dogs'))
  const id = String(created?.[0]?.['job_id'])
  await server.sql(`RESUME JOB ${id}`)
  await judge(id, 'paused_dogs', told)
})

test('when the snapshot is not kept the rows as of the statement come from the log', { skip }, async () => {
  await makeDogs('let_go')
  await server.sql("SET CLUSTER SETTING changefeed.initial_scan.max_snapshot_age = '0s'")
  try {
    const [created] = await run(into('let_go'), pauseIt('let_go'), ...changes('let_go'))
    const id = String(created?.[0]?.['job_id'])
    await until('nothing holds the snapshot', withinMs, async () => ((await holders()) === 0 ? true : undefined))
    await server.sql(`RESUME JOB ${id}`)
    await judge(id, 'let_go', told)
  } finally {
    await server.sql('RESET CLUSTER SETTING changefeed.initial_scan.max_snapshot_age')
  }
})

test(
  'when the snapshot is not kept and a schema change has rewritten rows since, the job goes on with later ones',
  { skip },
  async () => {
    await makeDogs('rewritten')
    await server.sql("SET CLUSTER SETTING changefeed.initial_scan.max_snapshot_age = '0s'")
    try {
      const [created] = await run(
        into('rewritten'),
        pauseIt('rewritten'),
        "UPDATE rewritten SET name = 'Rex H' WHERE id = 3",
        "ALTER TABLE rewritten ALTER name TYPE TEXT USING name || '!'",
        'ALTER TABLE rewritten DROP CONSTRAINT rewritten_pkey, ADD PRIMARY KEY (id) DEFERRABLE',
      )
      const id = String(created?.[0]?.['job_id'])
      await until('nothing holds the snapshot', withinMs, async () => ((await holders()) === 0 ? true : undefined))
      await server.sql(`RESUME JOB ${id}`)
      // The change since the statement, and then the rows as of a time after the schema change.
      await judge(id, 'rewritten', {
        '[3]': ['{"after": {"id": 3, "name": "Rex H"}}', '{"after": {"id": 3, "name": "Rex H!"}}'],
        '[4]': ['{"after": {"id": 4, "name": "Bella!"}}'],
      })
    } finally {
      await server.sql('RESET CLUSTER SETTING changefeed.initial_scan.max_snapshot_age')
    }
  },
)

test('a server that is killed before the first row scans as of the statement when it is back', { skip }, async () => {
  await makeDogs('killed')
  const [created] = await run(into('killed'), pauseIt('killed'), ...changes('killed'))
  const id = String(created?.[0]?.['job_id'])
  await server.kill()
  await server.restart()
  await server.sql(`RESUME JOB ${id}`)
  await judge(id, 'killed', told)
})

/** No value of it can be out of line, so the log has only the keys of old rows, and the snapshot alone has the rest. */
async function makeThin(table: string): Promise<void> {
  await broker.createTopic(table)
  await server.sql(`CREATE TABLE ${table} (id INT PRIMARY KEY, n INT)`)
  await server.sql(`INSERT INTO ${table} VALUES (3, 1), (4, 1), (5, 1)`)
}

const thinChanges = (table: string): string[] => [
  `INSERT INTO ${table} VALUES (1, 1)`,
  `UPDATE ${table} SET n = 2 WHERE id IN (1, 3)`,
  `DELETE FROM ${table} WHERE id = 4`,
]
const thinRow = (key: number, n: number): string => `{"after": {"id": ${key}, "n": ${n}}}`
const thinTold = {
  '[1]': [thinRow(1, 1), thinRow(1, 2)],
  '[3]': [thinRow(3, 1), thinRow(3, 2)],
  '[4]': [thinRow(4, 1), '{"after": null}'],
  '[5]': [thinRow(5, 1)],
}

test(
  'a sink that goes away right after CREATE gets the rows of the statement and all changes since',
  { skip },
  async () => {
    await makeThin('sink_down')
    const [created] = await run(into('sink_down'))
    const id = String(created?.[0]?.['job_id'])
    await broker.kill()
    try {
      await run(...thinChanges('sink_down'))
      await until('the job says that the sink is down', withinMs, async () => {
        const [row] = await server.sql(`SELECT running_status AS said FROM crdb_internal.jobs WHERE job_id = ${id}`)
        return String(row?.['said']).startsWith('transient error') ? true : undefined
      })
    } finally {
      await broker.restart()
    }
    await judge(id, 'sink_down', thinTold)
  },
)

test('a scan that finds its table locked says so, waits, and is as of the statement', { skip }, async () => {
  await makeThin('locked')
  const [created] = await run(into('locked'), pauseIt('locked'), ...thinChanges('locked'))
  const id = String(created?.[0]?.['job_id'])
  const locker = await server.connect()
  const told = async (): Promise<string> => {
    const [row] = await server.sql(`SELECT running_status AS said FROM crdb_internal.jobs WHERE job_id = ${id}`)
    return String(row?.['said'])
  }
  try {
    await locker.query('BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE')
    await server.sql(`RESUME JOB ${id}`)
    await until('the job says what it waits for', withinMs, async () =>
      (await told()).startsWith('waiting for a lock on its tables') ? true : undefined,
    )
    await locker.query('COMMIT')
  } finally {
    await locker.end()
  }
  await until('it waits no longer', withinMs, async () =>
    (await told()).startsWith('running: resolved=') ? true : undefined,
  )
  await judge(id, 'locked', thinTold)
})

test(
  'where old values are not in the log, every change since the statement is told all the same',
  { skip },
  async () => {
    await makeThin('thin')
    const [created] = await run(into('thin'), pauseIt('thin'), ...thinChanges('thin'))
    const id = String(created?.[0]?.['job_id'])
    await server.kill()
    await server.restart()
    await server.sql(`RESUME JOB ${id}`)
    await judge(id, 'thin', { ...thinTold, '[3]': [thinRow(3, 2)], '[4]': ['{"after": null}'] })
  },
)

test(
  'initial_scan = only gives exactly the rows of the statement, also after a crash, and a cursor goes on from it',
  {
    skip,
  },
  async () => {
    for (const table of ['only_once', 'only_killed']) {
      await broker.createTopic(table)
      await server.sql(`CREATE TABLE ${table} (id INT PRIMARY KEY, n INT)`)
      await server.sql(`INSERT INTO ${table} SELECT i, 0 FROM generate_series(1, 5000) i`)
      const later = `INSERT INTO ${table} VALUES (5001, 1), (5002, 1), (5003, 1)`
      const only = into(table, "WITH initial_scan = 'only'")
      let created
      if (table === 'only_once') [created] = await run(only, later)
      else {
        ;[created] = await run(only, pauseIt(table), later)
        await server.kill()
        await server.restart()
        await server.sql(`RESUME JOB ${String(created?.[0]?.['job_id'])}`)
      }
      const id = String(created?.[0]?.['job_id'])
      await using feed = KafkaFeed.of({ server, broker, topics: [table], jobId: id })
      await until('it has succeeded', withinMs, async () =>
        (await feed.status()).status === 'succeeded' ? true : undefined,
      )
      await feed.row(5000)
      const at = await highWater(id)
      assert.match(at ?? 'none', /^\d{19}\.\d{10}$/)
      const [next] = await run(into(table, `WITH updated, cursor = '${at}'`))
      await until('the later rows have come', withinMs, () =>
        feed.rows.some(({ key }) => String(key) === '[5003]') ? true : undefined,
      )
      assert.equal(feed.rows.length, 5003)
      assert.ok(feed.rows.slice(0, 5000).every(({ key }) => Number(String(key).slice(1, -1)) <= 5000))
      assert.deepEqual(feed.failures, [])
      await server.sql(`CANCEL JOB ${String(next?.[0]?.['job_id'])}`)
    }
  },
)

test('TRUNCATE and DROP right after CREATE end the job, which names the table', { skip }, async () => {
  for (const [statement, what] of [
    ['TRUNCATE', 'was truncated'],
    ['DROP TABLE', 'was dropped'],
  ] as const) {
    for (const isPaused of [false, true]) {
      const table = `gone_${statement.slice(0, 4).toLowerCase()}_${isPaused}`
      await makeDogs(table)
      const [created] = await run(into(table), ...(isPaused ? [pauseIt(table)] : []), `${statement} ${table}`)
      const id = String(created?.[0]?.['job_id'])
      if (isPaused) await server.sql(`RESUME JOB ${id}`)
      await until('it has failed', withinMs, async () => {
        const [row] = await server.sql(`SELECT status, error FROM crdb_internal.jobs WHERE job_id = ${id}`)
        if (row?.['status'] !== 'failed') return undefined
        assert.equal(row['error'], `"${table}" ${what}`)
        return true
      })
    }
  }
})

/** Connections that do nothing but keep a snapshot. */
async function holders(): Promise<number> {
  const [row] = await server.sql(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'pg-changefeed' AND state = 'idle in transaction'`,
  )
  return Number(row?.['n'])
}

test('the snapshot of a statement is let go when its scan is complete or its job is over', { skip }, async () => {
  await makeDogs('brief')
  await until('no other is held', withinMs, async () => ((await holders()) === 0 ? true : undefined))
  const [created] = await run(into('brief'))
  const id = String(created?.[0]?.['job_id'])
  await until('the scan is complete', withinMs, () => highWater(id))
  await until('it is let go', withinMs, async () => ((await holders()) === 0 ? true : undefined))
  const [paused] = await run(into('brief'), pauseIt('brief'))
  assert.equal(await holders(), 1)
  await server.sql(`CANCEL JOB ${String(paused?.[0]?.['job_id'])}`)
  await until('it is let go', withinMs, async () => ((await holders()) === 0 ? true : undefined))
  await server.sql(`CANCEL JOB ${id}`)
})

test('CREATE tells which open transaction it waits for, and leaves no job when it is cancelled', { skip }, async () => {
  await makeDogs('waiting')
  const count = async (): Promise<unknown> =>
    (await server.sql(`SELECT count(*) AS n FROM crdb_internal.jobs`))[0]?.['n']
  const jobs = await count()
  const writer = await server.connect()
  const client = await server.connect()
  const notices: string[] = []
  client.on('notice', ({ message }) => notices.push(message ?? ''))
  try {
    // The table is watched already, so that only the cut waits.
    await server.sql(`CANCEL JOB ${String((await server.sql(into('waiting')))[0]?.['job_id'])}`)
    await writer.query('BEGIN')
    await writer.query("INSERT INTO waiting VALUES (9, 'open')")
    const [pid] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows
    assert.ok(pid)
    const creating = client.query(into('waiting')).then(
      () => 'created',
      (error: Error) => error.message,
    )
    await until('it says what it waits for', withinMs, () =>
      notices.some((text) => text.includes('changefeed is waiting for transactions that have written'))
        ? true
        : undefined,
    )
    await server.sql(
      `CANCEL QUERIES SELECT query_id FROM [SHOW QUERIES] WHERE query LIKE 'CREATE CHANGEFEED FOR waiting%'`,
    )
    assert.equal(await settlesWithin(withinMs, 'CREATE ends', creating), 'query execution canceled')
    const again = client.query(into('waiting')).then(
      () => 'created',
      (error: pg.DatabaseError) => error.code ?? '',
    )
    let code: string | undefined
    void again.then((text) => (code = text))
    // PostgreSQL ignores a request that arrives between two statements, so it is repeated, as a person would do.
    await until('PostgreSQL cancels it', withinMs, async () => {
      await server.sql(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = ${pid.pid} AND state = 'active'`,
      )
      return code
    })
    assert.equal(code, '57014')
    assert.equal(Number(await count()), Number(jobs) + 1)
    assert.equal(await holders(), 0)
  } finally {
    await writer.query('ROLLBACK').catch(() => undefined)
    await writer.end()
    await client.end()
  }
})
