// One run of the nemesis with a PostgreSQL of somebody: money moves between accounts, random things happen to PostgreSQL, to its
// settings, to our role and to the connections; what came must be states that the database had, and at the end the last one.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openRawConnection } from '../../src/postgres/raw-connection.ts'
import { prepared } from '../server/attached.ts'
import { TestServer } from '../server/test-server.ts'
import { CutGate } from '../support/cut-gate.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { postgresVersions, type PostgresVersion } from '../support/servers/postgres-versions.ts'
import { until } from '../support/until.ts'
import { attachedEvents, resetAttached } from './attached-events.ts'
import { BankReader } from './bank-reader.ts'
import { happen } from './events.ts'
import { Random } from './random.ts'

const accounts = 20
const withinMs = 60_000

export function versionOf(seed: number): PostgresVersion {
  return postgresVersions[(seed + 2) % postgresVersions.length] ?? 18
}

export interface AttachedRunOptions {
  readonly seed: number
  readonly disturbances: number
  /** What is done is written down here. */
  readonly said: string[]
}

/** Gives a line about what happened. */
export async function runAttached({ seed, disturbances, said }: AttachedRunOptions): Promise<string> {
  const random = new Random(seed)
  const isPrepared = seed % 2 === 0
  const version = versionOf(seed)
  const folder = mkdtempSync(join(tmpdir(), 'changefeed-test-'))
  const postgres = await PostgresServerUnderTest.start({ version, tls: seed % 3 !== 0, auth: 'scram-sha-256' })
  const application = new AbortController()
  let writing: Promise<number[]> | undefined
  let reader: BankReader | undefined
  try {
    await postgres.sql('CREATE DATABASE app')
    await postgres.role(isPrepared ? 'REPLICATION' : 'SUPERUSER', 'cdc')
    await postgres.sql(
      `CREATE TABLE bank (id INT PRIMARY KEY, balance INT, note TEXT); INSERT INTO bank SELECT i, 100, '' FROM generate_series(1, ${accounts}) i`,
      'app',
    )
    if (isPrepared) await postgres.sql(`${prepared.sql}; ${prepared.tableSql('bank')}`, 'app')
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, `${postgres.password('cdc')}\n`)
    await using gate = await CutGate.open(postgres.port)
    const url = new URL(postgres.url('app', 'cdc'))
    url.password = ''
    url.port = String(gate.port)
    const attached = {
      url: url.href,
      user: 'postgres',
      database: 'app',
      password: postgres.password('postgres'),
      flags: [`--password-file=${passwordFile}`],
    }
    await using server = await TestServer.start({ attached })
    const bank = (reader = new BankReader(server, BigInt(100 * accounts)))
    const reading = bank.read()
    reading.catch(() => undefined)
    await until('the feed runs', withinMs, () => bank.resolved.wall > 0n || undefined)
    writing = Promise.all([1, 2].map((n) => transfer(postgres, new Random(seed * 100 + n), application.signal)))
    const events = attachedEvents({ postgres, server, gate, reader: bank, random, isPrepared, passwordFile })
    for (let i = 0; i < disturbances; i++) {
      await delay(100 + random.int(700))
      said.push(await happen(events, random))
    }
    gate.calm()
    await resetAttached(postgres)
    await delay(500)
    application.abort()
    const committed = (await writing).reduce((sum, n) => sum + n, 0)
    const [row] = await postgres.sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::int8::text')
    const last = BigInt(row?.[0] ?? 0)
    await Promise.race([
      until('a resolved timestamp after the last commit', withinMs, () => bank.resolved.wall > last || undefined),
      reading,
    ])
    bank.stop()
    await reading
    const summary = `seed ${seed}: PostgreSQL ${version}, ${isPrepared ? 'prepared' : 'installed'}; ${committed} transactions, opened ${bank.opened} times, ${bank.gaps.length} gaps, ${gate.cut} connections cut, ${bank.checked} states; ${said.join(', ')}`
    assert.deepEqual(bank.failures().slice(0, 20), [], `${summary}; ${bank.errors.join('; ')}`)
    const mayMiss = said.some((text) => text === 'drop the slot' || text === 'lose SELECT')
    if (!mayMiss) assert.deepEqual(bank.gaps, [], summary)
    assert.ok(committed > 50, summary)
    assert.ok(bank.checked > 10, summary)
    const rows = await postgres.sql('SELECT id, balance FROM bank', 'app')
    const table = rows.map(([id, balance]) => [`[${id}]`, BigInt(balance ?? 0)] as const)
    assert.deepEqual(new Map([...bank.state].sort()), new Map([...table].sort()), summary)
    return summary
  } catch (error) {
    said.push(`feeds ended with: ${reader?.errors.join('; ') ?? ''}`)
    throw error
  } finally {
    application.abort()
    reader?.stop()
    await writing?.catch(() => undefined)
    await postgres[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Moves money between accounts until the signal; the sum never changes. Gives how many transfers were committed. */
async function transfer(postgres: PostgresServerUnderTest, random: Random, signal: AbortSignal): Promise<number> {
  let committed = 0
  while (!signal.aborted) {
    try {
      const client = await openRawConnection({ source: postgres.localSource('app'), parameters: {} })
      try {
        while (!signal.aborted) {
          const [a, b] = [1 + random.int(accounts), 1 + random.int(accounts)].sort((x, y) => x - y) as [number, number]
          if (a === b) continue
          const amount = random.int(50)
          const big = random.chance(0.05)
            ? `UPDATE bank SET note = repeat('n', ${random.int(3000)}) WHERE id = ${a};`
            : ''
          await client.query(
            `BEGIN; UPDATE bank SET balance = balance - ${amount} WHERE id = ${a}; ${big} UPDATE bank SET balance = balance + ${amount} WHERE id = ${b}; COMMIT`,
          )
          committed += 1
          // Not faster than a machine with much else to do can read.
          await delay(2)
        }
      } finally {
        await client.close()
      }
    } catch {
      // PostgreSQL is down: that is what this test does to it.
      await delay(20)
    }
  }
  return committed
}
