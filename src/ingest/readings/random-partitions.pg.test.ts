// Writers, and somebody who makes, attaches, detaches, moves and drops partitions at random, where nothing of ours is in the database:
// no row of a partition is missing without a word, and no row comes as one of the partitioned table that it never had.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'node:test'
import { decodeLog, type Decoded } from '../../../test/support/decode-log.ts'
import { IngestUnderTest } from '../../../test/support/ingest-under-test.ts'
import { randomOf } from '../../../test/support/log-under-test.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { preparedDatabase, type PreparedDatabase } from '../../../test/support/prepared-database.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'

/** So long a change that no row shows may wait for a look at the catalogue, on a busy machine. */
const settledWithinMs = 20_000
/** More on demand: CHANGEFEED_RANDOM_PARTITIONS=seconds:pause in ms:first seed:seeds. */
const [seconds = 8, pauseMs = 100, firstSeed = 1, seeds = 1] = (process.env['CHANGEFEED_RANDOM_PARTITIONS'] ?? '')
  .split(':')
  .filter((part) => part !== '')
  .map(Number)

const schema = `CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE mid PARTITION OF parted FOR VALUES FROM (1000000000) TO (2000000000) PARTITION BY RANGE (id);
CREATE FUNCTION put(rel regclass, id int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE leaf oid; at text := (pg_current_wal_insert_lsn() - '0/0')::text; made jsonb; c record;
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN ROW EXCLUSIVE MODE', rel);
  EXECUTE format('INSERT INTO %s AS r (id, v) VALUES (%s, %s) RETURNING tableoid, to_jsonb(r.*)', rel, id, id % 1000) INTO leaf, made;
  -- All in one snapshot: pg_partition_ancestors() looks with one of its own, in which a partition may be detached already.
  SELECT relpersistence = 'p' AS logged, (WITH RECURSIVE up AS (SELECT inhparent, inhdetachpending FROM pg_inherits WHERE inhrelid = leaf
      UNION ALL SELECT i.inhparent, i.inhdetachpending FROM up JOIN pg_inherits i ON i.inhrelid = up.inhparent)
    SELECT CASE WHEN bool_or(inhdetachpending) THEN 'either' WHEN bool_or(inhparent = 'parted'::regclass) IS NOT TRUE THEN 'own' ELSE 'part' END FROM up
  ) AS is INTO c FROM pg_class WHERE oid = leaf;
  RETURN jsonb_build_object('leaf', leaf::bigint, 'name', leaf::regclass::text, 'is', c.is, 'logged', c.logged, 'at', at, 'xid', pg_current_xact_id()::text, 'row', made);
END $$`

interface Put {
  readonly id: number
  readonly leaf: number
  readonly name: string
  readonly is: 'part' | 'own' | 'either'
  readonly at: string
  readonly xid: string
  readonly row: Readonly<Record<string, unknown>>
  /** When its transaction began and had ended, or earlier and later. */
  readonly during: During
}

type During = readonly [from: number, to: number]

type Written = Omit<Put, 'during'>

type Random = ReturnType<typeof randomOf>

/** A table of one range of ids, which is a partition or not. */
class Chaos {
  readonly #db: PreparedDatabase
  readonly #random: Random
  readonly puts: Put[] = []
  readonly done: string[] = []
  /** The names of tables, and the next id of each. */
  readonly #tables = new Map<string, number>()
  readonly attached = new Set<string>()
  #count = 0
  #columns = 0

  constructor(db: PreparedDatabase, random: Random) {
    this.#db = db
    this.#random = random
  }

  #oneOf(names: Iterable<string>): string | undefined {
    const all = [...names]
    return all[this.#random(Math.max(1, all.length))]
  }

  /** DETACH … CONCURRENTLY waits for no writer, so a row that is written meanwhile may be one of the partitioned table or not. */
  readonly #detaching: { readonly name: string; during: During }[] = []

  /** The rows, with what is known of them at the end. */
  settled(): Put[] {
    return this.puts.map((put) => {
      const [from, to] = put.during
      const isOpen = this.#detaching.some(
        ({ name, during }) => name === put.name && from <= during[1] && to >= during[0],
      )
      return isOpen && put.is === 'part' ? { ...put, is: 'either' } : put
    })
  }

  /** Writes a row through the partitioned table or directly. It may fail: then nothing was written. */
  async #put(connection: RawConnection): Promise<Written | undefined> {
    const name = this.#oneOf(this.#tables.keys())
    if (name === undefined) return undefined
    const id = this.#tables.get(name) as number
    this.#tables.set(name, id + 1)
    const through = this.#random(3) === 0 ? name : this.#random(2) === 0 && name.startsWith('m') ? 'mid' : 'parted'
    const [row] = await connection.query(`SELECT put('${through}', ${id})`)
    return { id, ...(JSON.parse(row?.[0] ?? '') as Omit<Written, 'id'>) }
  }

  async write(connection: RawConnection, until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const isOne = this.#random(3) > 0
      const from = performance.now()
      const mine: (Written | undefined)[] = []
      try {
        if (!isOne) await connection.query('BEGIN')
        for (let n = isOne ? 0 : this.#random(4); n >= 0; n--) mine.push(await this.#put(connection))
        if (!isOne) await connection.query('COMMIT')
      } catch {
        mine.length = 0
        await connection.query('ROLLBACK')
      }
      const written = mine.filter((one) => one !== undefined)
      this.puts.push(...written.map((one) => ({ ...one, during: [from, performance.now()] as const })))
      // Nothing was written: DDL has the tables locked, or there is none to write to.
      if (written.length === 0) await delay(5)
    }
  }

  #new(parent: 'parted' | 'mid'): { name: string; bounds: string } {
    const n = ++this.#count
    const from = (parent === 'mid' ? 1_000_000_000 : 0) + n * 100_000
    const name = `${parent === 'mid' ? 'm' : 'p'}${n}`
    this.#tables.set(name, from)
    return { name, bounds: `FOR VALUES FROM (${from}) TO (${from + 100_000})` }
  }

  #bounds(name: string): string {
    const from = (name.startsWith('m') ? 1_000_000_000 : 0) + Number(name.slice(1)) * 100_000
    return `FOR VALUES FROM (${from}) TO (${from + 100_000})`
  }

  async #run(connection: RawConnection, sql: readonly (string | (() => Promise<void>))[]): Promise<void> {
    const isOne =
      this.#random(2) === 0 && !sql.some((one) => typeof one === 'string' && /CONCURRENTLY|VACUUM/.test(one))
    const before = this.puts.length
    if (isOne) await connection.query('BEGIN')
    try {
      for (const one of sql) {
        this.done.push(`${this.puts.length} rows: ${isOne ? '+' : ''}${typeof one === 'string' ? one : 'put'}`)
        if (typeof one === 'string') await this.#timed(one, connection.query(one))
        else await one()
      }
      if (isOne) await connection.query('COMMIT')
    } catch (error) {
      this.done.push(String(error))
      // Other writers may have added theirs meanwhile; those of this transaction are not committed.
      if (isOne) {
        await connection.query('ROLLBACK')
        const aborted = this.puts.splice(before).filter(({ xid }) => xid !== this.#xidOf.get(connection))
        this.puts.push(...aborted)
      }
    }
  }

  async #timed(sql: string, running: Promise<unknown>): Promise<void> {
    const name = /DETACH PARTITION (\w+) CONCURRENTLY/.exec(sql)?.[1]
    if (name === undefined) return void (await running)
    const detaching = { name, during: [performance.now(), Infinity] as During }
    this.#detaching.push(detaching)
    try {
      await running
    } finally {
      detaching.during = [detaching.during[0], performance.now()]
    }
  }

  readonly #xidOf = new Map<RawConnection, string>()

  async #putDirectly(connection: RawConnection, name: string): Promise<void> {
    const id = this.#tables.get(name) as number
    this.#tables.set(name, id + 1)
    const [row] = await connection.query(`SELECT put('${name}', ${id})`)
    const written = { id, ...(JSON.parse(row?.[0] ?? '') as Omit<Written, 'id'>) }
    this.#xidOf.set(connection, written.xid)
    // Whoever writes this row detaches nothing meanwhile.
    this.puts.push({ ...written, during: [performance.now(), performance.now()] })
  }

  async change(connection: RawConnection): Promise<void> {
    const parent = this.#random(3) === 0 ? 'mid' : 'parted'
    const mine = [...this.attached].filter((one) => one.startsWith('m') === (parent === 'mid'))
    const name = this.#oneOf(mine)
    const put = (of: string) => () => this.#putDirectly(connection, of)
    const kind = this.#random(9)
    if (kind === 0 || name === undefined) {
      const { name: made, bounds } = this.#new(parent)
      await this.#run(connection, [
        `CREATE TABLE ${made} PARTITION OF ${parent} ${bounds}`,
        put(made),
        `GRANT SELECT ON ${made} TO ${this.#db.role}`,
      ])
      this.attached.add(made)
    } else if (kind === 1 || kind === 2) {
      const { name: made, bounds } = this.#new(parent)
      await this.#run(connection, [
        `CREATE TABLE ${made} (LIKE parted INCLUDING ALL)`,
        `GRANT SELECT ON ${made} TO ${this.#db.role}`,
        ...(this.#random(2) === 0 ? [`ALTER PUBLICATION pg_changefeed ADD TABLE ${made}`] : []),
        put(made),
        `ALTER TABLE ${parent} ATTACH PARTITION ${made} ${bounds}`,
        put(made),
      ])
      this.attached.add(made)
    } else if (kind === 3 && mine.length > 2) {
      this.attached.delete(name)
      await this.#run(connection, [
        `ALTER TABLE ${parent} DETACH PARTITION ${name}${this.#random(2) === 0 ? ' CONCURRENTLY' : ''}`,
        put(name),
      ])
    } else if (kind === 4) {
      await this.#run(connection, [
        `ALTER TABLE ${parent} DETACH PARTITION ${name}`,
        put(name),
        `ALTER TABLE ${parent} ATTACH PARTITION ${name} ${this.#bounds(name)}`,
        put(name),
      ])
    } else if (kind === 5 && mine.length > 3) {
      this.attached.delete(name)
      this.#tables.delete(name)
      await this.#run(connection, [`DROP TABLE ${name}`])
    } else if (kind === 6) {
      await this.#run(connection, [`ALTER TABLE ${name} SET UNLOGGED`, put(name), `ALTER TABLE ${name} SET LOGGED`])
    } else if (kind === 7) {
      await this.#run(connection, [
        this.#random(2) === 0
          ? `ALTER TABLE parted ADD COLUMN c${++this.#columns} int DEFAULT ${this.#columns}`
          : `ALTER TABLE parted ALTER v TYPE ${this.#random(2) === 0 ? 'bigint' : 'int'}`,
        put(name),
      ])
    } else {
      await this.#run(connection, [
        this.#random(2) === 0 ? `VACUUM FULL ${name}` : 'ALTER TABLE parted DETACH PARTITION mid',
        put(name),
        'ALTER TABLE parted ATTACH PARTITION mid FOR VALUES FROM (1000000000) TO (2000000000)',
      ])
    }
  }
}

/** Returns what `judged` says of the log at the end, or the last of what it says while something is wrong. */
async function run(
  db: PreparedDatabase,
  random: Random,
  judged: (chaos: Chaos, decoded: readonly Decoded[]) => Promise<Judged>,
): Promise<Judged> {
  const chaos = new Chaos(db, random)
  const over = new AbortController()
  let ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  const connections: RawConnection[] = []
  const connect = async (): Promise<RawConnection> => {
    const connection = await db.connect()
    connections.push(connection)
    await connection.query(`SET lock_timeout = '2s'`)
    return connection
  }
  const work = [1, 2, 3].map(async () => chaos.write(await connect(), over.signal))
  const changing = (async () => {
    const connection = await connect()
    while (!over.signal.aborted) {
      await chaos.change(connection)
      // Changes come at random moments of the writers.
      await delay(random(2 * pauseMs))
    }
  })()
  const endsAt = Date.now() + seconds * 1000
  while (Date.now() < endsAt) {
    // Trouble comes at random moments, too.
    await delay(500 + random(1500))
    const what = random(4)
    if (what === 0) await db.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${db.role}'`)
    else if (what === 1) {
      await ingest[Symbol.asyncDispose]()
      // Changes go on while nobody reads them.
      await delay(random(1500))
      ingest = new IngestUnderTest(db)
    }
  }
  over.abort()
  await Promise.all([...work, changing])
  for (const connection of connections) await connection.close()
  await using last = ingest
  await last.thread.ready
  await last.caughtUp()
  const deadline = Date.now() + settledWithinMs
  for (;;) {
    const result = await judged(chaos, decodeLog(db.dir, last.head))
    if (result.wrong.length === 0 || Date.now() > deadline) return result
    // What no row shows is seen by a look at the catalogue, which may come some seconds later.
    last.thread.checkNow()
    await delay(300)
    await last.caughtUp()
  }
}

interface Judged {
  readonly wrong: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

function judge(puts: readonly Put[], decoded: readonly Decoded[], root: number, leaves: ReadonlySet<number>): Judged {
  const wrong: string[] = []
  const counts: Record<string, number> = { rows: puts.length, followed: 0, read: 0, ended: 0, gone: 0 }
  const rows = new Map<number, Decoded & { tag: 'row' }>()
  const attached = new Map<number, number>()
  /** The rows that a partition had before it was read. */
  const before = new Map<number, Set<number>>()
  const read = new Set<number>()
  const ended = new Set<string>()
  for (const event of decoded) {
    if (event.tag === 'undecoded') wrong.push(event.why)
    if (event.tag === 'row') {
      const id = Number(event.row['id'])
      rows.set(id, event)
      before.set(event.relid, (before.get(event.relid) ?? new Set()).add(id))
    }
    if (event.tag === 'described' && event.attached !== undefined && event.attached !== attached.get(event.relid)) {
      for (const id of before.get(event.relid) ?? []) read.add(id)
      before.delete(event.relid)
    }
    if (event.tag === 'described' && event.attached !== undefined) attached.set(event.relid, event.attached)
    if (event.tag === 'gap' && (event.relids === undefined || event.relids.includes(root)))
      ended.add(/transaction (\d+) has written/.exec(event.reason)?.[1] ?? 'all')
  }
  const count = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1)
  for (const put of puts) {
    const row = rows.get(put.id)
    const isRoots = row?.ancestors.includes(root) === true
    if (row !== undefined && row.row['v'] !== put.row['v'])
      wrong.push(`value: ${JSON.stringify(put)} came as ${JSON.stringify(row)}`)
    if (put.is === 'own' && isRoots)
      wrong.push(`never a row of the partitioned table: ${JSON.stringify(put)} came as ${JSON.stringify(row)}`)
    if (put.is !== 'part') continue
    if (isRoots) count('followed')
    else if (read.has(put.id) || (row === undefined && (attached.get(put.leaf) ?? 0) > Number(put.at))) count('read')
    else if (ended.has(String(BigInt(put.xid) & 0xffffffffn))) count('ended')
    else if (!leaves.has(put.leaf) && row === undefined) count('gone')
    else wrong.push(`missing: ${JSON.stringify(put)}, came as ${JSON.stringify(row)}`)
  }
  counts['gaps of all'] = ended.has('all') ? 1 : 0
  return { wrong, counts }
}

/** What was done with the table of the row that a complaint begins with, and with the one above it. */
function ddlOf(complaint: string, done: readonly string[]): string {
  const name = /"name":"(\w+)"/.exec(complaint)?.[1] ?? ''
  return done
    .filter((one) => new RegExp(`\\b(${name}|${name.startsWith('m') ? 'mid' : name})\\b|rror`).test(one))
    .join('\n')
}

for (const version of [15, 18] as const)
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++)
    test(`PostgreSQL ${version}, seed ${seed}: rows of partitions are followed, read again, or missing by name`, async (t) => {
      await using server = await PostgresServerUnderTest.start({ version })
      await using db = await preparedDatabase(
        server,
        schema,
        (role) => `GRANT SELECT ON parted, mid TO ${role}; CREATE PUBLICATION pg_changefeed FOR TABLE parted`,
      )
      const { wrong, counts } = await run(db, randomOf(seed * 7919 + version), async (chaos, decoded) => {
        const tree = await db.sql(`SELECT relid::oid, level::text, isleaf::text FROM pg_partition_tree('parted')`)
        const root = Number(tree.find(([, level]) => level === '0')?.[0])
        const leaves = new Set(tree.flatMap(([oid, , isLeaf]) => (isLeaf === 'true' ? [Number(oid)] : [])))
        const result = judge(chaos.settled(), decoded, root, leaves)
        const wrong = result.wrong.slice(0, 5).map((text) => `${text}\n${ddlOf(text, chaos.done)}`)
        return { wrong, counts: { ddl: chaos.done.length, ...result.counts } }
      })
      t.diagnostic(JSON.stringify(counts))
      assert.deepEqual(wrong, [])
    })
