// What is done to a database and to the connections of the server to it while a changefeed runs, over any sink.

import type { TestServer } from '../server/test-server.ts'
import { troubleBetween } from './postgres-trouble.ts'
import type { Random } from './random.ts'
import { changeSetting } from './settings.ts'
import { changeTypes } from './typed.ts'

/** How often, its name, and what it does; it may give a better name. */
export type Event = readonly [number, readonly [string, () => unknown]]

export interface EventOptions {
  readonly server: TestServer
  readonly database: string
  readonly random: Random
  readonly roles: readonly string[]
  readonly isJob: boolean
}

/** Runs statements one by one; what fails, fails: a lock that waits behind the writers does not hold them up for long. */
export async function attempt(
  { server, database }: Pick<EventOptions, 'server' | 'database'>,
  ...statements: readonly string[]
): Promise<string | undefined> {
  try {
    const client = await server.connect(database)
    try {
      for (const sql of [`SET lock_timeout = '100ms'`, ...statements]) await client.query(sql)
    } finally {
      await client.end().catch(() => undefined)
    }
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

export function eventsOf(options: EventOptions): readonly Event[] {
  const { server, random } = options
  const run = async (...statements: readonly string[]): Promise<void> => void (await attempt(options, ...statements))
  const terminate = (which: string): Promise<void> =>
    run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${which}`)
  return [
    [2, ['change types', () => run(...changeTypes(random))]],
    [1, ['end a writer', () => terminate(`query LIKE 'UPSERT%' OR query LIKE 'INSERT INTO foo%' LIMIT 1`)]],
    [1, ['end all connections of the server', () => terminate(`application_name LIKE 'pg-changefeed%'`)]],
    [2, ['cut ingest', () => run('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active')]],
    [3, ['setting', () => run(...changeSetting(random, options))]],
    [6, ['PostgreSQL', () => troubleBetween(server.gate, random)]],
    [1, ['checkpoint', () => run('CHECKPOINT')]],
    [1, ['vacuum', () => run('VACUUM foo')]],
  ]
}

/** One of them. Gives what was done. */
export async function happen(events: readonly Event[], random: Random): Promise<string> {
  const [name, act] = random.pick(events)
  const said = await act()
  return typeof said === 'string' ? said : name
}
