// The same kinds of DDL where nothing of ours is in the database: the messages are those of kinds-of-ddl.pg.test.ts, except where a kind
// says otherwise. All tables are changed first and written to when the changes have been seen.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { prepared, startAttached, type Attached } from '../server/attached.ts'
import { kindsOfDdl } from '../support/kinds-of-ddl.ts'

const all = Object.entries(kindsOfDdl)
  .flatMap(([what, kinds]) => kinds.map((kind) => ({ ...kind, ...kind.prepared, what })))
  .map((kind, i) => ({ ...kind, t: `t${i}` }))

const named = (sql: string, t: string): string => sql.replaceAll('$t', t)

const policies = {
  backfill: 'schema_change_policy = backfill',
  'backfill of column changes': 'schema_change_events = column_changes',
  nobackfill: 'schema_change_policy = nobackfill',
} as const

type Policy = keyof typeof policies

let attached: Attached
const feeds = new Map<Policy, SinklessFeed>()
const messages = new Map<Policy, readonly string[]>()

before(async () => {
  attached = await startAttached({ version: 18, ...prepared })
  const { server, postgres } = attached
  await postgres.sql(
    'ALTER PUBLICATION pg_changefeed SET (publish_generated_columns = stored); GRANT pg_read_all_data TO cdc; ALTER ROLE cdc BYPASSRLS',
    'app',
  )
  for (const { t, table, earlier = '', values } of all) {
    await server.sql(named(`${earlier}; CREATE TABLE $t ${table}`, t))
    if (values !== undefined) await server.sql(named(`INSERT INTO $t VALUES (${values})`, t))
    await server.sql(prepared.tableSql(t))
  }
  await server.sql(`CREATE TABLE last (a INT PRIMARY KEY); ${prepared.tableSql('last')}`)
  const targets = [...all.map(({ t }) => t), 'last'].join(', ')
  for (const [policy, options] of Object.entries(policies)) {
    const sql = `CREATE CHANGEFEED FOR ${targets} WITH initial_scan = 'no', updated, resolved = '1s', ${options}`
    const feed = await SinklessFeed.open(server, sql)
    feeds.set(policy as Policy, feed)
    await feed.resolvedPast(zeroHlc)
  }
  for (const { t, ddl } of all)
    await server.sql(named(ddl, t)).catch((cause: unknown) => assert.fail(`${ddl}: ${String(cause)}`))
  // By then the server has looked at the catalogue, which nothing that a client sees shows.
  await delay(4000)
  for (const { t, next = 'INSERT INTO $t (a) VALUES (2)' } of all)
    await server.sql(named(next, t)).catch((cause: unknown) => assert.fail(`${next}: ${String(cause)}`))
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
  await attached[Symbol.asyncDispose]()
})

for (const { what, t, ddl, counts, asColumnChange = counts, row, afterwards } of all) {
  test(`prepared: when ${what} by ${ddl}, it counts as ${counts}, and the messages are as listed`, () => {
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
