// Every kind of DDL on a watched table: what it counts as, and exactly which messages three changefeeds give. Each command has a
// table of its own, so all of them are in the same changefeeds, which lag behind while the tables change.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import type { TableDescription } from '../../src/core/table.ts'
import { significanceOf } from '../../src/feed/follow/significance.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { kindsOfDdl } from '../support/kinds-of-ddl.ts'
import { versionOfTests } from '../support/servers/server-of-tests.ts'

const all = Object.entries(kindsOfDdl)
  .flatMap(([what, kinds]) => kinds.map((kind) => ({ ...kind, what })))
  .filter(({ since = 0 }) => versionOfTests >= since)
  .map((kind, i) => ({ ...kind, t: `t${i}` }))

const named = (sql: string, t: string): string => sql.replaceAll('$t', t)

const policies = {
  backfill: 'schema_change_policy = backfill',
  'backfill of column changes': 'schema_change_events = column_changes',
  nobackfill: 'schema_change_policy = nobackfill',
} as const

type Policy = keyof typeof policies

let server: TestServer
const feeds = new Map<Policy, SinklessFeed>()
/** By table. */
const changes = new Map<string, { readonly before: TableDescription; readonly after: TableDescription }>()
const messages = new Map<Policy, readonly string[]>()

before(async () => {
  server = await TestServer.start()
  for (const { t, table, earlier = '', values } of all) {
    await server.sql(named(`${earlier}; CREATE TABLE $t ${table}`, t))
    if (values !== undefined) await server.sql(named(`INSERT INTO $t VALUES (${values})`, t))
  }
  await server.sql('CREATE TABLE last (a INT PRIMARY KEY)')
  const targets = [...all.map(({ t }) => t), 'last'].join(', ')
  for (const [policy, options] of Object.entries(policies)) {
    const sql = `CREATE CHANGEFEED FOR ${targets} WITH initial_scan = 'no', updated, resolved = '1s', ${options}`
    const feed = await SinklessFeed.open(server, sql)
    feeds.set(policy as Policy, feed)
    await feed.resolvedPast(zeroHlc)
  }
  const relids = new Map(
    (await server.sql('SELECT relname, oid FROM pg_class')).map(({ relname, oid }) => [relname, oid]),
  )
  for (const { t, ddl, next = 'INSERT INTO $t (a) VALUES (2)' } of all) {
    const describe = async (): Promise<TableDescription> => {
      const [row] = await server.sql(`SELECT description FROM changefeed.watched WHERE relid = ${relids.get(t)}`)
      return row?.['description'] as TableDescription
    }
    const before = await describe()
    for (const sql of [ddl, next]) {
      await server.sql(named(sql, t)).catch((cause: unknown) => assert.fail(`${sql}: ${String(cause)}`))
    }
    changes.set(t, { before, after: await describe() })
  }
  await server.sql('INSERT INTO last VALUES (1)')
  for (const [policy, feed] of feeds) {
    while (!feed.rows.some(({ topic }) => topic === 'last')) await feed.row(feed.rows.length + 1)
    messages.set(
      policy,
      feed.rows.map(({ topic, key, value }) => `${topic}${key}${/"after": (.*), "updated"/.exec(value)?.[1]}`),
    )
  }
})
after(async () => {
  for (const feed of feeds.values()) await feed[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

for (const { what, t, ddl, counts, asColumnChange = counts, row, afterwards } of all) {
  test(`when ${what} by ${ddl}, it counts as ${counts}, and the messages are as listed`, () => {
    const change = changes.get(t) ?? assert.fail()
    assert.equal(significanceOf(change, 'default'), counts)
    assert.equal(significanceOf(change, 'column_changes'), asColumnChange)
    for (const policy of feeds.keys()) {
      const counted = { backfill: counts, 'backfill of column changes': asColumnChange, nobackfill: 'none' }[policy]
      const copies = counted === 'rows' && row !== undefined ? [row] : []
      const mine = (messages.get(policy) ?? [])
        .filter((message) => message.startsWith(`${t}[`))
        .map((m) => m.slice(t.length))
      assert.deepEqual(
        mine.map((message, at) => (at < copies.length ? message.replace(/^\[\d+\]/, '') : message)),
        [...copies, afterwards],
        policy,
      )
    }
  })
}
