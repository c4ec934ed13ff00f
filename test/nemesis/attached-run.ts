// One run of the nemesis with a PostgreSQL of somebody: money moves between accounts, random things happen to PostgreSQL, to its
// settings, to our role and to the connections, and to a standby if there is one; what came must be states that the database
// had, and at the end the last one.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { prepared } from '../server/attached.ts'
import { TestServer } from '../server/test-server.ts'
import { postgresVersions, type PostgresVersion } from '../support/servers/postgres-versions.ts'
import { until } from '../support/until.ts'
import { attachedEvents, resetAttached } from './attached-events.ts'
import { BankReader } from './bank-reader.ts'
import { Cluster, type Keeping } from './cluster.ts'
import { happen, type Event } from './events.ts'
import { promotionEvents } from './promotion-events.ts'
import { judgeTransfers } from './judge-transfers.ts'
import { Random } from './random.ts'
import { accounts, balance, createBank, Transfers } from './transfers.ts'

const withinMs = 60_000

/** Of a run without standby. */
export function versionOf(seed: number): PostgresVersion {
  return postgresVersions[(seed + 2) % postgresVersions.length] ?? 18
}

export interface AttachedRunOptions {
  readonly seed: number
  readonly disturbances: number
  readonly version: PostgresVersion
  /** There is a standby, which is promoted at least once. */
  readonly keeping?: Keeping
  /** What is done is written down here. */
  readonly said: string[]
}

/** Gives a line about what happened. */
export async function runAttached({ seed, disturbances, version, keeping, said }: AttachedRunOptions): Promise<string> {
  const random = new Random(seed)
  const isPrepared = keeping === undefined ? seed % 2 === 0 : seed % 4 > 1
  const folder = mkdtempSync(join(tmpdir(), 'changefeed-test-'))
  const cluster = await Cluster.start({ version, tls: seed % 3 !== 0, auth: 'scram-sha-256' }, keeping)
  const application = new AbortController()
  const transfers = new Transfers()
  let writing: Promise<unknown> | undefined
  let reader: BankReader | undefined
  try {
    const postgres = cluster.primary
    await postgres.sql('CREATE DATABASE app')
    await postgres.role(isPrepared ? 'REPLICATION' : 'SUPERUSER', 'cdc')
    await postgres.sql(createBank, 'app')
    if (isPrepared) await postgres.sql(`${prepared.sql}; ${prepared.tableSql('bank')}`, 'app')
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, `${postgres.password('cdc')}\n`)
    const attached = {
      url: cluster.url('app', 'cdc', seed % 5 < 2 ? 'read-write' : 'primary'),
      user: 'postgres',
      database: 'app',
      password: postgres.password('postgres'),
      flags: [`--password-file=${passwordFile}`],
    }
    await using server = await TestServer.start({ attached })
    const bank = (reader = new BankReader(server, BigInt(balance * accounts)))
    const reading = bank.read()
    reading.catch(() => undefined)
    await until('the feed runs', withinMs, () => bank.resolved.wall > 0n || undefined)
    const write = (n: number): Promise<void> =>
      transfers.run(() => cluster.primary, new Random(seed * 100 + n), application.signal)
    writing = Promise.all([1, 2].map(write))
    const caughtUp = async (): Promise<void> => {
      const [row] = await cluster.primary.sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::int8::text')
      const now = BigInt(row?.[0] ?? 0)
      const resolved = until('a resolved timestamp', withinMs, () => bank.resolved.wall > now || undefined)
      await Promise.race([resolved, reading])
    }
    const ofServer = attachedEvents({ cluster, server, reader: bank, random, isPrepared, passwordFile })
    const { promote, possible, unseen } = promotionEvents({ cluster, transfers, random, reader: bank, caughtUp })
    const events = (): readonly Event[] => [...ofServer, ...(keeping === undefined ? [] : possible())]
    const promotion = keeping === undefined ? -1 : random.int(disturbances)
    for (let i = 0; i < disturbances; i++) {
      await delay(100 + random.int(700))
      said.push(await happen(i === promotion ? [promote] : events(), random))
    }
    await cluster.calm()
    await resetAttached(cluster.primary)
    await delay(500)
    application.abort()
    await writing
    await caughtUp()
    bank.stop()
    await reading
    const { committed } = transfers
    const summary = `seed ${seed}: PostgreSQL ${version}, ${isPrepared ? 'prepared' : 'installed'}; ${committed} transactions, ${cluster.promotions} promotions, opened ${bank.opened} times, ${bank.gaps.length} gaps, ${cluster.cut} connections cut, ${bank.checked} states; ${said.join(', ')}`
    assert.deepEqual(bank.failures().slice(0, 20), [], `${summary}; ${bank.errors.join('; ')}`)
    const mayMiss = said.some((text) => text === 'drop the slot' || text === 'lose SELECT')
    if (!mayMiss && keeping !== 'asynchronous') assert.deepEqual(bank.gaps, [], summary)
    assert.ok(committed > 50, summary)
    assert.ok(bank.checked > 10, summary)
    const done = new Set((await cluster.primary.sql('SELECT n FROM done', 'app')).map(([n]) => Number(n)))
    const { failures, lost } = judgeTransfers({ reader: bank, transfers, done, unseen, keeping })
    assert.deepEqual(failures, [], summary)
    const rows = await cluster.primary.sql('SELECT id, balance FROM bank', 'app')
    const table = rows.map(([id, value]) => [`[${id}]`, BigInt(value ?? 0)] as const)
    assert.deepEqual(new Map([...bank.state].sort()), new Map([...table].sort()), summary)
    return `${summary}; ${lost} that a promotion has lost came before a gap`
  } catch (error) {
    said.push(`feeds ended with: ${reader?.errors.join('; ') ?? ''}`)
    throw error
  } finally {
    application.abort()
    reader?.stop()
    await writing?.catch(() => undefined)
    await cluster[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
}
