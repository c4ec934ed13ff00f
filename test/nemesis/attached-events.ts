// What can happen to a PostgreSQL that is somebody's own while a server of ours is attached to it.

import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestServer } from '../server/test-server.ts'
import type { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import type { BankReader } from './bank-reader.ts'
import type { Cluster } from './cluster.ts'
import type { Event } from './events.ts'
import type { Random } from './random.ts'
import { hostile, hostileToSessions } from './settings.ts'

const withinMs = 40_000

export interface AttachedEventOptions {
  readonly cluster: Cluster
  readonly server: TestServer
  readonly reader: BankReader
  readonly random: Random
  /** A DBA has prepared the database: the role has few rights, and can lose them. */
  readonly isPrepared: boolean
  readonly passwordFile: string
}

export function attachedEvents(options: AttachedEventOptions): readonly Event[] {
  const { cluster, server, reader, random, isPrepared, passwordFile } = options
  const pause = (): Promise<void> => delay(200 + random.int(1500))
  const one = (texts: readonly string[]): string => random.pick(texts.map((text) => [1, text] as const))

  const crash = async (): Promise<void> => {
    await cluster.primary.kill()
    await pause()
    await cluster.primary.startAfterKill()
  }
  const killServer = async (): Promise<void> => {
    await server.kill()
    await pause()
    await server.restart()
  }
  const setting = async (): Promise<string> => {
    const sql = random.pick<string>([
      [2, `ALTER ROLE cdc SET ${one(hostileToSessions)}`],
      [2, `ALTER ROLE cdc IN DATABASE app SET ${one(hostileToSessions)}`],
      [2, `ALTER DATABASE app SET ${one(hostile)}`],
      [1, `ALTER SYSTEM SET ${one(hostile)}`],
    ])
    // Some of them are of later versions only.
    await cluster.primary.sql(sql).catch(() => undefined)
    await cluster.primary.sql('SELECT pg_reload_conf()')
    if (random.chance(0.5)) cluster.cutAll()
    return sql
  }
  const dropSlot = async (): Promise<void> => {
    // A former primary that is taken for the primary has a slot of its own.
    await cluster.stopStray()
    // Who has no resolved timestamp yet begins with a scan of all rows, and misses nothing.
    await until('there is a cursor to go on from', withinMs, () => reader.resolved.wall > 0n || undefined)
    const before = reader.gaps.length
    const slot = `FROM pg_replication_slots WHERE slot_name LIKE 'pg_changefeed_%'`
    await until('the slot is dropped', withinMs, async () => {
      await cluster.primary.sql(`SELECT pg_terminate_backend(active_pid) ${slot} AND active`)
      return cluster.primary.sql(`SELECT pg_drop_replication_slot(slot_name) ${slot}`).then(
        (rows) => rows.length > 0 || undefined,
        () => undefined,
      )
    })
    await until('a gap is named', withinMs, () => reader.gaps.length > before || undefined)
  }
  const rotatePassword = async (): Promise<void> => {
    // As with libpq, a password that one of the servers refuses is not tried at the others.
    await cluster.stopStray()
    const password = await cluster.primary.setPassword('cdc')
    cluster.cutAll()
    await pause()
    writeFileSync(passwordFile, `${password}\n`)
  }
  const cutHandshakes = async (): Promise<string> => {
    const bytes = Array.from({ length: 3 + random.int(6) }, () => 1 + random.int(random.chance(0.5) ? 400 : 4000))
    cluster.cutNext(bytes)
    cluster.cutAll()
    await pause()
    return `cut connections after ${bytes.join(', ')} bytes`
  }
  const loseReplication = async (): Promise<void> => {
    await cluster.primary.sql('ALTER ROLE cdc NOREPLICATION')
    cluster.cutAll()
    await pause()
    await cluster.primary.sql('ALTER ROLE cdc REPLICATION')
  }
  const loseSelect = async (): Promise<void> => {
    await cluster.stopStray()
    // Two that follow each other end with the same words.
    const before = reader.ended
    await cluster.primary.sql('REVOKE SELECT ON bank FROM cdc', 'app')
    await until('the feed ends and says why', withinMs, () => reader.ended > before || undefined)
    await cluster.primary.sql('GRANT SELECT ON bank TO cdc', 'app')
  }

  return [
    [2, ['restart PostgreSQL', () => cluster.primary.restart(random.chance(0.5) ? 'fast' : 'immediate')]],
    [2, ['kill -9 of PostgreSQL', crash]],
    [2, ['kill -9 of the server', killServer]],
    [4, ['setting', setting]],
    [1, ['drop the slot', dropSlot]],
    [2, ['change the password', rotatePassword]],
    [3, ['cut handshakes', cutHandshakes]],
    [1, ['checkpoint', () => cluster.primary.sql('CHECKPOINT')]],
    ...(isPrepared
      ? ([
          [2, ['lose REPLICATION', loseReplication]],
          [1, ['lose SELECT', loseSelect]],
        ] as const)
      : []),
  ]
}

export async function resetAttached(postgres: PostgresServerUnderTest): Promise<void> {
  for (const sql of [
    'ALTER SYSTEM RESET ALL',
    'SELECT pg_reload_conf()',
    'ALTER DATABASE app RESET ALL',
    'ALTER ROLE cdc RESET ALL',
    'ALTER ROLE cdc IN DATABASE app RESET ALL',
  ])
    await postgres.sql(sql)
}
