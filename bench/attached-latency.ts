// From a commit acknowledged to its row at the client of a core changefeed: of the single node, and of servers that are attached to
// somebody else's PostgreSQL with TLS, as a superuser and as a role for which a DBA has prepared the database.

import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { prepared, startAttached } from '../test/server/attached.ts'
import { TestServer } from '../test/server/test-server.ts'
import { theirs } from './attached-ways.ts'
import { idOf, readAtClient } from './core-feed.ts'
import { endsWithUs, killNow, starting } from './ends-with-us.ts'
import { PacedWrites, type Pace, type Write } from './paced-writes.ts'
import { cpuOf } from './process-usage.ts'

const connections = 8

export interface LatencySide {
  readonly name: string
  readonly server: TestServer
  /** Makes a table one that our role may watch. */
  prepare(table: string): Promise<unknown>
}

export interface LatencySides extends AsyncDisposable {
  /** The first is ours. */
  readonly sides: readonly LatencySide[]
}

export interface Latency {
  /** p50, p90, p99, p99.9, the largest; milliseconds. */
  readonly percentiles: readonly number[]
  /** CPU seconds of our server, with the warm-up. */
  readonly cpu: number
}

export async function openSides(): Promise<LatencySides> {
  await using opened = new AsyncDisposableStack()
  const single = opened.use(await starting(() => TestServer.start()))
  const free = [
    endsWithUs(() => {
      killNow(single.pid)
      killNow(single.postgresPid, 'SIGQUIT')
    }),
  ]
  const attach = async (role: Partial<typeof prepared>): Promise<Awaited<ReturnType<typeof startAttached>>> => {
    const attached = opened.use(await starting(() => startAttached({ ...theirs, ...role })))
    free.push(endsWithUs(() => killNow(attached.server.pid)))
    return attached
  }
  const superuser = await attach({})
  const few = await attach({ role: prepared.role, sql: prepared.sql })
  opened.defer(() => free.forEach((end) => end()))
  const all = opened.move()
  return {
    sides: [
      { name: 'single node, unix socket', server: single, prepare: async () => undefined },
      { name: 'attached, TCP with TLS', server: superuser.server, prepare: async () => undefined },
      {
        name: 'the same, a prepared role',
        server: few.server,
        prepare: (table) => few.postgres.sql(prepared.tableSql(table), 'app'),
      },
    ],
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

export async function measureLatency({ server, prepare }: LatencySide, table: string, pace: Pace): Promise<Latency> {
  await server.sql(`CREATE TABLE ${table} (id int8 PRIMARY KEY, v text)`)
  await prepare(table)
  const writes = new PacedWrites(pace)
  const reader = await server.connect()
  await readAtClient(reader, table, (key) => writes.see(idOf(key)))
  const clients = await Promise.all(Array.from({ length: connections }, () => directly(server)))
  const text = `INSERT INTO ${table} VALUES ($1, $2)`
  const writers = clients.map((client): Write => async (id) => {
    await client.query({ name: 'insert', text, values: [id, 'value'] })
  })
  const before = cpuOf(server.pid)
  await writes.run(writers)
  const cpu = cpuOf(server.pid) - before
  await Promise.all(clients.map((client) => client.end()))
  await reader.end().catch(() => undefined)
  // A feed that has just ended holds its table for a moment.
  await delay(100)
  await server.sql(`DROP TABLE ${table}`)
  return { percentiles: writes.percentiles(), cpu }
}

/** To PostgreSQL itself, over a unix socket on all sides. */
async function directly(server: TestServer): Promise<pg.Client> {
  const client = new pg.Client({ ...server.postgresAddress, user: server.user, database: server.database })
  await client.connect()
  return client
}
