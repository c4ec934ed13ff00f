// What the guide to a PostgreSQL of one's own shows: its commands are run as they stand there, on PostgreSQL 15 with tables like those of
// the guide and an application that writes, with kill -9 of the server and of PostgreSQL in between.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openRawConnection } from '../../src/postgres/raw-connection.ts'
import { hlcOf } from '../feed/test-feed.ts'
import { program, type ProgramResult } from '../server/program.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka } from '../services/kafka/require-kafka.ts'
import { TopicReader, type TopicMessage } from '../services/kafka/topic-reader.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { skipVersion } from '../support/servers/postgres-versions.ts'
import { until } from '../support/until.ts'
import { CompositeValidator } from '../validators/composite.ts'
import { OrderValidator } from '../validators/order.ts'
import { SnapshotValidator } from '../validators/snapshot.ts'

const withinMs = 90_000
const customers = 50
const topics = ['customer', 'rental', 'film'] as const
const page = readFileSync(fileURLToPath(new URL('../../docs/guide/your-postgres.md', import.meta.url)), 'utf8')

/** Columns on which the output of the guide depends are those of its sample database. `points` is moved between customers. */
const schema = `
CREATE TABLE customer (customer_id int PRIMARY KEY, email varchar(50), activebool bool DEFAULT true, points int DEFAULT 100, active int GENERATED ALWAYS AS (CASE WHEN activebool THEN 1 END) STORED);
CREATE TABLE rental (rental_id int PRIMARY KEY, customer_id int, rental_period tsrange);
CREATE TABLE film (film_id int PRIMARY KEY, title varchar(255), fulltext tsvector, rate numeric(4,2), revenue_projection numeric(5,2) GENERATED ALWAYS AS (3 * rate) STORED);
CREATE TABLE payment (payment_id int, amount numeric(5,2), paid_at timestamp) PARTITION BY RANGE (paid_at);
CREATE TABLE payment_rest PARTITION OF payment DEFAULT;
INSERT INTO customer (customer_id, email) SELECT i, 'customer' || i || '@example.com' FROM generate_series(1, ${customers}) i;
INSERT INTO rental SELECT i, i, tsrange('2026-01-01', '2026-01-02') FROM generate_series(1, 200) i;
INSERT INTO film (film_id, title, fulltext, rate) SELECT i, 'Film ' || i, to_tsvector('film ' || i), 4.99 FROM generate_series(1, 20) i`

interface Shown {
  readonly command: string
  /** What the guide shows below it. */
  readonly lines: readonly string[]
}

/** The commands of ours on the page that begin so, in order. */
function shown(start: string): readonly Shown[] {
  const blocks = [...page.matchAll(/^```\w*\n([^]*?)^```$/gm)].flatMap(([, block = '']) => block.split(/^(?=[$>] )/m))
  return blocks.flatMap((text) => {
    const [command = '', ...lines] = text.trimEnd().split('\n')
    return command.startsWith(`$ npx changefeed ${start}`)
      ? [{ command: command.slice('$ npx changefeed '.length), lines }]
      : []
  })
}

function statement(start: string): string {
  const [, sql = ''] = new RegExp(`^(?:> )?(${start}[^;]*);`, 'm').exec(page) ?? []
  assert.notEqual(sql, '', `the page has a statement ${start}`)
  return sql
}

/** The folder in which somebody follows the guide. */
class Folder implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'changefeed-test-'))
  readonly #postgres: PostgresServerUnderTest
  sqlPort = 0
  #pid = 0

  constructor(postgres: PostgresServerUnderTest) {
    this.#postgres = postgres
  }

  /** Runs what the page shows; what would go into a file does. */
  async type({ command }: Shown, more: readonly string[] = []): Promise<ProgramResult> {
    const here = command
      .replace('localhost:5432', `127.0.0.1:${this.#postgres.port}`)
      .replace('localhost:26257', `127.0.0.1:${this.sqlPort}`)
    const [line = '', file] = here.split(' > ')
    const env = { PGPASSWORD: this.#postgres.password('postgres') ?? '' }
    const result = await program([...line.split(' '), ...more], { cwd: this.dir, env })
    if (file !== undefined) writeFileSync(join(this.dir, file), result.stdout)
    return result
  }

  async start(): Promise<void> {
    const [start] = shown('start')
    assert.ok(start !== undefined)
    const { code, stdout, stderr } = await this.type(start, ['--listen-addr=localhost:0', '--http-addr=localhost:0'])
    assert.equal(code, 0, stderr)
    this.sqlPort = Number(/sql:\s+\S+:(\d+)\//.exec(stdout)?.[1])
    this.#pid = Number(/pid:\s+(\d+)/.exec(stdout)?.[1])
  }

  /** In the shell that the page opens. */
  async sql(text: string): Promise<string> {
    const [shell] = shown('sql')
    assert.ok(shell !== undefined)
    const { code, stdout, stderr } = await this.type(shell, ['--format=tsv', '-e', text])
    assert.equal(code, 0, stderr)
    return stdout
  }

  kill(): void {
    if (this.#pid === 0) return
    try {
      process.kill(this.#pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    this.#pid = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Moves points between customers until the signal, over restarts: their sum never changes. */
async function transfer(postgres: PostgresServerUnderTest, signal: AbortSignal): Promise<void> {
  for (let i = 0; !signal.aborted;) {
    try {
      const client = await openRawConnection({ source: postgres.localSource('shop'), parameters: {} })
      try {
        for (; !signal.aborted; i++) {
          const [a, b] = [1 + (i % customers), 1 + ((i * 7 + 3) % customers)]
          if (a === b) continue
          await client.query(
            `BEGIN; UPDATE customer SET points = points - 1 WHERE customer_id = ${Math.min(a, b)}; UPDATE customer SET points = points + 1 WHERE customer_id = ${Math.max(a, b)}; COMMIT`,
          )
          // An application that writes for a while.
          await delay(5)
        }
      } finally {
        await client.close()
      }
    } catch {
      // PostgreSQL is down: that is what this test does to it.
      await delay(50)
    }
  }
}

/** The schema of the database, and the roles, as pg_dump shows them; undefined where there is no pg_dump. */
function dumps(postgres: PostgresServerUnderTest): readonly string[] | undefined {
  const bin = '/usr/lib/postgresql/15/bin'
  if (!existsSync(bin)) return undefined
  return [
    ['pg_dump', '--schema-only', '-d', postgres.localUrl('shop')],
    ['pg_dumpall', '--roles-only', '--no-role-passwords', '-d', postgres.localUrl()],
  ].flatMap(([name = '', ...argv]) => {
    const { status, stdout, stderr } = spawnSync(join(bin, name), argv, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    // Newer ones make it with every dump anew.
    return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '').split('\n')
  })
}

const skip = skipWithoutKafka === false ? skipVersion(15) : skipWithoutKafka

test('the guide to a PostgreSQL of your own, over kill -9 of everything', { skip, timeout: 600_000 }, async () => {
  await using broker = await KafkaBroker.start()
  const postgres = await PostgresServerUnderTest.start({
    version: 15,
    auth: 'scram-sha-256',
    settings: { wal_level: 'replica' },
  })
  await using folder = new Folder(postgres)
  const application = new AbortController()
  let writing: Promise<void> | undefined
  try {
    await postgres.sql('CREATE DATABASE shop')
    await postgres.sql(schema, 'shop')

    const [asDba, asRole] = shown('doctor')
    assert.ok(asDba !== undefined && asRole !== undefined)
    const first = await folder.type(asDba)
    assert.equal(first.code, 1)
    for (const line of asDba.lines.filter((text) => /^(FAILURE|WARNING)|→/.test(text))) {
      assert.ok(first.stdout.includes(line.replace(/ \(at present .*/, '')), `${line}\n${first.stdout}`)
    }
    await postgres.sql(statement('ALTER SYSTEM SET wal_level'))
    await postgres.sql(statement('ALTER SYSTEM SET max_slot_wal_keep_size'))
    // The lines of a test stand in postgresql.conf, and those of ALTER SYSTEM come after them.
    await postgres.restart()
    const before = dumps(postgres)

    const [setup] = shown('setup-sql')
    assert.ok(setup !== undefined)
    assert.equal((await folder.type(setup)).code, 0)
    await postgres.sql(readFileSync(join(folder.dir, 'setup.sql'), 'utf8').replace(/^\\.*$/gm, ''), 'shop')
    writeFileSync(join(folder.dir, 'cdc.password'), `${await postgres.setPassword('cdc')}\n`, { mode: 0o600 })
    const second = await folder.type(asRole)
    assert.equal(second.code, 0, second.stdout)
    assert.match(second.stdout, /everything is in order: a changefeed can start/)

    writing = transfer(postgres, application.signal)
    await folder.start()
    await folder.sql(statement('SET CLUSTER SETTING'))
    const create = statement('CREATE CHANGEFEED')
      .replace('localhost:9092', broker.bootstrap)
      .replace("resolved = '30s'", "resolved, min_checkpoint_frequency = '0s'")
    const jobId = /\d{10,}/.exec(await folder.sql(create))?.[0] ?? ''

    const snapshot = new SnapshotValidator('customer', 'points', BigInt(100 * customers))
    const validator = new CompositeValidator([new OrderValidator({ strict: true }), snapshot])
    const last = new Map<string, string>()
    await using reader = new TopicReader(broker.bootstrap, topics, ({ topic, partition, key, value }: TopicMessage) => {
      const text = value?.toString() ?? ''
      const at = `${topic}/${partition}`
      if (key === null) {
        // One topic closes at its own pace, and the sum is that of the customers.
        if (topic === 'customer') validator.noteResolved(at, hlcOf(text, 'resolved'))
        return
      }
      last.set(`${topic} ${key.toString()}`, text)
      validator.noteRow({ partition: at, topic, key: key.toString(), value: text, updated: hlcOf(text, 'updated') })
    })
    const has = (key: string, text: string): Promise<unknown> =>
      until(`${key} has ${text}`, withinMs, () => last.get(key)?.includes(text) || undefined)
    await until('every row is there', withinMs, () => last.size === customers + 220 || undefined)

    await postgres.sql(statement('UPDATE customer SET email'), 'shop')
    await has('customer [1]', 'mary@example.com')
    await postgres.sql(statement('ALTER TABLE customer REPLICA'), 'shop')
    await postgres.sql(statement('ALTER TABLE customer ADD'), 'shop')
    await postgres.sql(statement('UPDATE customer SET phone'), 'shop')
    await has('customer [1]', '"phone": "+1 555 0100"')
    await has('customer [2]', '"phone": "unknown"')

    for (const both of [true, false, true]) {
      folder.kill()
      if (both) {
        await postgres.kill()
        await postgres.startAfterKill()
      }
      await folder.start()
      // It is killed at work, wherever that is.
      await delay(1000)
    }
    const checkedBefore = snapshot.checked
    await until('resolved messages go on', withinMs, () => snapshot.checked > checkedBefore + 3 || undefined)
    application.abort()
    await writing
    await postgres.sql(`UPDATE customer SET email = 'last@example.com' WHERE customer_id = ${customers}`, 'shop')
    await has(`customer [${customers}]`, 'last@example.com')
    await reader.drained(withinMs)
    const rows = await postgres.sql('SELECT customer_id, points FROM customer', 'shop')
    for (const [id, points] of rows)
      assert.match(last.get(`customer [${id}]`) ?? '', new RegExp(`"points": ${points}\\b`))
    assert.deepEqual(validator.failures(), [])

    const [uninstall] = shown('uninstall')
    const [quit] = shown('quit')
    assert.ok(uninstall !== undefined && quit !== undefined)
    const refused = await folder.type(uninstall)
    assert.equal(refused.code, 1, refused.stdout)
    await folder.sql(`CANCEL JOB ${jobId}`)
    assert.equal((await folder.type(quit)).stdout, 'ok\n')
    const done = await folder.type(uninstall)
    assert.equal(done.code, 0, done.stderr)
    const undo = (text: string): string => /undo it:\n\n([^]*DROP ROLE cdc;)/.exec(text)?.[1] ?? ''
    assert.equal(undo(done.stdout), undo(uninstall.lines.join('\n')))
    await postgres.sql(undo(done.stdout), 'shop')
    await postgres.sql('ALTER TABLE customer REPLICA IDENTITY DEFAULT; ALTER TABLE customer DROP COLUMN phone', 'shop')
    assert.deepEqual(dumps(postgres), before)
    assert.deepEqual(await postgres.sql('SELECT slot_name FROM pg_replication_slots'), [])
  } finally {
    application.abort()
    await writing
    folder.kill()
    await postgres[Symbol.asyncDispose]()
  }
})
