// Random transactions, one after the other, with the table read before and after each: what a feed may say of a
// transaction follows from the two readings alone, however the rows got from one to the other.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { Random } from '../nemesis/random.ts'
import { TestServer } from '../server/test-server.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf, type FeedMessage } from '../feed/test-feed.ts'
import { needsInstalled } from '../support/servers/server-of-tests.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

const transactions = 120
const keys = 8

interface Kind {
  readonly name: string
  readonly columns: string
  readonly diff: boolean
  /** What a large value adds to a row, so that a transaction of many rows fills many blocks of the log. */
  readonly fillerBytes: number
  /** Whether transactions make the key DEFERRABLE, and not DEFERRABLE, as they go. */
  readonly changesKey?: boolean
}

const kinds: readonly Kind[] = [
  { name: 'tx_plain', columns: 'id INT PRIMARY KEY, v INT, f VARCHAR(10)', diff: false, fillerBytes: 0 },
  { name: 'tx_diff', columns: 'id INT PRIMARY KEY, v INT, f TEXT', diff: true, fillerBytes: 0 },
  {
    name: 'tx_deferrable',
    columns: 'id INT, v INT, f TEXT, PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED',
    diff: true,
    fillerBytes: 0,
  },
  {
    name: 'tx_deferrable_without_diff',
    columns: 'id INT, v INT, f TEXT, PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED',
    diff: false,
    fillerBytes: 0,
  },
  { name: 'tx_wide', columns: 'id INT PRIMARY KEY, v INT, f TEXT', diff: true, fillerBytes: 30_000 },
  {
    name: 'tx_wide_deferrable',
    columns: 'id INT, v INT, f TEXT, PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED',
    diff: true,
    fillerBytes: 30_000,
  },
  { name: 'tx_changing', columns: 'id INT PRIMARY KEY, v INT, f TEXT', diff: true, fillerBytes: 0, changesKey: true },
  {
    name: 'tx_changing_without_diff',
    columns: 'id INT PRIMARY KEY, v INT, f VARCHAR(10)',
    diff: false,
    fillerBytes: 0,
    changesKey: true,
  },
  {
    name: 'tx_wide_changing',
    columns: 'id INT PRIMARY KEY, v INT, f TEXT',
    diff: true,
    fillerBytes: 30_000,
    changesKey: true,
  },
]

/** Key to row, both as JSON. */
type State = ReadonlyMap<string, unknown>

async function read(client: pg.Client, table: string): Promise<State> {
  const { rows } = await client.query<{ id: string; row: unknown }>(`SELECT id, to_jsonb(t) AS row FROM ${table} AS t`)
  return new Map(rows.map(({ id, row }) => [`[${id}]`, row]))
}

function change(random: Random, table: string, filler: string): string {
  const id = random.int(keys) - keys / 2
  const other = random.int(keys) - keys / 2
  const v = random.int(1000)
  return random.pick([
    [6, `INSERT INTO ${table} VALUES (${id}, ${v}, ${filler}) ON CONFLICT DO NOTHING`],
    [4, `INSERT INTO ${table} SELECT ${id}, ${v}, ${filler} WHERE NOT EXISTS (SELECT FROM ${table} WHERE id = ${id})`],
    [4, `UPDATE ${table} SET v = v + 1 WHERE id = ${id}`],
    [2, `UPDATE ${table} SET v = v WHERE id = ${id}`],
    [4, `DELETE FROM ${table} WHERE id = ${id}`],
    [4, `UPDATE ${table} SET id = ${other} WHERE id = ${id}`],
    [2, `DELETE FROM ${table} WHERE id = ${other}; UPDATE ${table} SET id = ${other}, v = ${v} WHERE id = ${id}`],
    [2, `DELETE FROM ${table} WHERE id = ${id}; INSERT INTO ${table} VALUES (${id}, ${v}, ${filler})`],
    [3, `UPDATE ${table} SET id = -id`],
    [2, `UPDATE ${table} SET id = id + 1`],
    [1, `UPDATE ${table} SET v = v + 1`],
    [1, `DELETE FROM ${table}`],
    [1, `SAVEPOINT a; UPDATE ${table} SET v = -1; DELETE FROM ${table} WHERE id > 0; ROLLBACK TO a`],
    [1, `SAVEPOINT a; UPDATE ${table} SET v = v + 7 WHERE id = ${id}; RELEASE a`],
  ])
}

function changeOfKey(random: Random, table: string): string {
  const deferrable = random.pick([
    [1, ''],
    [1, 'DEFERRABLE INITIALLY DEFERRED'],
  ])
  // PostgreSQL alters no table while its key is yet to be checked.
  return `SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;
    ALTER TABLE ${table} DROP CONSTRAINT ${table}_pkey, ADD PRIMARY KEY (id) ${deferrable}`
}

interface Attempt {
  readonly kind: Kind
  readonly mark: number
  readonly filler: string
}

/** True: it was committed. */
async function attempt(client: pg.Client, random: Random, { kind, mark, filler }: Attempt): Promise<boolean> {
  const table = kind.name
  try {
    await client.query('BEGIN')
    for (let i = 1 + random.int(6); i > 0; i--) {
      // A duplicate key costs this statement only; a deferred one shows at the end.
      await client.query('SAVEPOINT s')
      const isOfKey = kind.changesKey === true && random.int(4) === 0
      const sql = isOfKey ? changeOfKey(random, table) : change(random, table, filler)
      await client.query(sql).catch(() => client.query('ROLLBACK TO s'))
    }
    await client.query(`INSERT INTO ${table}_marks VALUES (${mark})`)
    await client.query('COMMIT')
    return true
  } catch {
    await client.query('ROLLBACK')
    return false
  }
}

for (const kind of kinds) {
  test(`${kind.name}: one message per row and transaction, with what was before and what is after`, () => run(kind))
}

async function run(kind: Kind): Promise<void> {
  const { name, columns, diff, fillerBytes } = kind
  const random = new Random(name.length * 7919)
  const filler =
    fillerBytes === 0
      ? `'f'`
      : `(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, ${fillerBytes / 32}))`
  await server.sql(`CREATE TABLE ${name} (${columns}); CREATE TABLE ${name}_marks (n INT PRIMARY KEY)`)
  await using feed = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${name}, ${name}_marks WITH updated, resolved${diff ? ', diff' : ''}`,
  )
  await feed.resolvedPast(zeroHlc)
  const client = await server.connect()
  const states = new Map<number, { readonly was: State; readonly is: State }>()
  try {
    let was = await read(client, name)
    for (let mark = 1; mark <= transactions; mark++) {
      if (!(await attempt(client, random, { kind, mark, filler }))) continue
      const is = await read(client, name)
      states.set(mark, { was, is })
      was = is
    }
    await client.query(`INSERT INTO ${name}_marks VALUES (0)`)
  } finally {
    await client.end()
  }
  const last = (): FeedMessage | undefined =>
    feed.rows.find(({ topic, key }) => topic === `${name}_marks` && key === '[0]')
  // Where nothing of ours is in the database, a key that is changed around a row may end the feed, in the transaction of that row
  // (docs/decisions/0043-readings.md). What came before must be right, too.
  const mayEnd = kind.changesKey === true && needsInstalled !== false
  let isEnded = false
  while (last() === undefined && !isEnded)
    await feed.row(feed.rows.length + 1).catch((error: Error) => {
      if (!mayEnd || !error.message.includes('its primary key was changed at about the same time')) throw error
      isEnded = true
    })

  const byTime = Map.groupBy(feed.rows, ({ value }) => formatHlc(hlcOf(value, 'updated')))
  const told = [...byTime.values()]
  let judged = 0
  for (const messages of isEnded ? told.slice(0, -1) : told) {
    const mark = Number(messages.find(({ topic }) => topic === `${name}_marks`)?.key.slice(1, -1))
    const state = states.get(mark)
    if (state === undefined) {
      assert.equal(mark, 0, 'every message belongs to a transaction that was committed')
      continue
    }
    judge(
      messages.filter(({ topic }) => topic === name),
      state,
      diff,
      mark,
    )
    judged += 1
  }
  if (isEnded) return
  assert.equal(judged, states.size)
  assert.ok(judged > transactions / 3, `only ${judged} transactions were committed`)
}

function judge(
  messages: readonly FeedMessage[],
  { was, is }: { readonly was: State; readonly is: State },
  diff: boolean,
  mark: number,
): void {
  const where = `transaction ${mark}`
  const said = new Set(messages.map(({ key }) => key))
  assert.equal(said.size, messages.length, `${where}: one message per row`)
  for (const { key, value } of messages) {
    const message = JSON.parse(value) as { after: unknown; before?: unknown }
    assert.ok(was.has(key) || is.has(key), `${where}: ${key} was not there before nor after`)
    assert.deepEqual(message.after, is.get(key) ?? null, `${where}: ${key} after`)
    if (diff) assert.deepEqual(message.before, was.get(key) ?? null, `${where}: ${key} before`)
  }
  for (const key of new Set([...was.keys(), ...is.keys()])) {
    if (JSON.stringify(was.get(key)) !== JSON.stringify(is.get(key)))
      assert.ok(said.has(key), `${where}: ${key} changed and nobody says so`)
  }
}
