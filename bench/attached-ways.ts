// The ways to a PostgreSQL that bench `attached` compares: to our own over its unix socket, and to somebody else's of the same build
// and with the same settings over TCP, without TLS and with it.

import type { SourceConnection } from '../src/postgres/source-connection.ts'
import { PostgresServerUnderTest } from '../test/support/postgres-server.ts'
import { BenchSource, type BenchPostgres } from './bench-source.ts'

/** The settings are those of the embedded PostgreSQL, where they differ from the defaults and cost something. */
export const theirs = {
  version: 18,
  tls: true,
  auth: 'scram-sha-256',
  settings: { track_commit_timestamp: 'on', max_wal_size: '2GB', fsync: 'on' },
} as const

const database = 'app'

export interface Way {
  readonly name: string
  readonly bench: BenchSource
  readonly source: SourceConnection
}

export interface Ways extends AsyncDisposable {
  readonly benches: readonly BenchSource[]
  /** The first is ours. */
  readonly ways: readonly Way[]
}

export async function openWays(): Promise<Ways> {
  await using opened = new AsyncDisposableStack()
  const ours = opened.use(await BenchSource.open())
  let encrypted = ours.source
  const start = async (): Promise<BenchPostgres> => {
    const postgres = await PostgresServerUnderTest.start(theirs)
    // TLS or not: the client decides.
    await postgres.allow(`host all,replication all 127.0.0.1/32 ${theirs.auth}`)
    await postgres.sql(`CREATE DATABASE ${database}`)
    encrypted = postgres.source(database)
    return {
      source: postgres.localSource(database),
      pid: postgres.pid,
      stop: () => postgres[Symbol.asyncDispose](),
    }
  }
  const other = opened.use(await BenchSource.open(start))
  const { tls: _, ...plain } = encrypted
  const all = opened.move()
  return {
    benches: [ours, other],
    ways: [
      { name: 'single node, unix socket', bench: ours, source: ours.source },
      { name: 'attached, TCP', bench: other, source: plain },
      { name: 'attached, TCP with TLS', bench: other, source: encrypted },
    ],
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
