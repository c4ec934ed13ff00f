// For tests: a real PostgreSQL with as many databases as a test wants, and what ingest wrote of one, read back.

import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { record } from '../../src/changelog/changelog.ts'
import { readGap, type Gap } from '../../src/changelog/files/gap-record.ts'
import type { LogHead } from '../../src/changelog/files/log-head.ts'
import { openChangelog } from '../../src/changelog/files/open-changelog.ts'
import { lsnOf, timestampOf } from '../../src/changelog/records.ts'
import type { Hlc } from '../../src/core/hlc.ts'
import { parseLsn, type Lsn } from '../../src/core/lsn.ts'
import { startEmbedded, type EmbeddedPostgres } from '../../src/postgres/embedded/embedded.ts'
import { give, serverUser } from '../../src/postgres/embedded/server-user.ts'
import { openRawConnection, type RawConnection } from '../../src/postgres/raw-connection.ts'
import { TcpGate } from './tcp-gate.ts'
import type { SourceConnection } from '../../src/postgres/source-connection.ts'

export interface TestDatabase extends AsyncDisposable {
  /** Where it is now: a server that was restarted listens elsewhere. */
  readonly source: SourceConnection
  /** A folder for its changelog. */
  readonly dir: string
  connect(user?: string): Promise<RawConnection>
  /** On a connection of its own. */
  sql(text: string): Promise<(string | null)[][]>
  flushLsn(): Promise<Lsn>
}

export class TestServer implements AsyncDisposable {
  readonly #folder: string
  #embedded: EmbeddedPostgres
  #count = 0
  #gate: TcpGate | undefined

  constructor(folder: string, embedded: EmbeddedPostgres) {
    this.#folder = folder
    this.#embedded = embedded
  }

  static async start(): Promise<TestServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ingest-test-'))
    // PostgreSQL runs as another user when we are root.
    chmodSync(folder, 0o755)
    return new TestServer(folder, await startServer(folder))
  }

  get pid(): number {
    return this.#embedded.pid
  }

  /** How long a fast shutdown took, in ms. It is started again, at another address; `between` gets its folder. */
  async restart(between: (dir: string) => void = () => undefined): Promise<number> {
    const startedAt = Date.now()
    await this.#embedded.stop('fast')
    const took = Date.now() - startedAt
    between(join(this.#folder, 'postgres'))
    this.#embedded = await startServer(this.#folder)
    return took
  }

  /** Gives a data folder that was copied to the user that PostgreSQL runs as. */
  own(dir: string): void {
    const user = serverUser(dir)
    give(dir, user)
    if (user !== undefined)
      for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) give(join(dir, name), user)
  }

  async database(overTcp = false, encoding = 'UTF8'): Promise<TestDatabase> {
    const name = `db${++this.#count}`
    // Read anew: a server that was restarted listens elsewhere.
    this.#gate ??= await TcpGate.open(() => this.#embedded.source)
    const { port } = this.#gate
    const base = (): Omit<SourceConnection, 'database'> => ({
      ...this.#embedded.source,
      ...(overTcp ? { host: '127.0.0.1', port, socketDir: undefined } : {}),
    })
    const admin = (text: string): Promise<(string | null)[][]> => query({ ...base(), database: 'postgres' }, text)
    const other = `ENCODING '${encoding}' TEMPLATE template0 LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'`
    await admin(`CREATE DATABASE ${name} ${encoding === 'UTF8' ? '' : other}`)
    const source = (): SourceConnection => ({ ...base(), database: name })
    const dir = join(this.#folder, name)
    return {
      get source(): SourceConnection {
        return source()
      },
      dir,
      connect: (user) =>
        openRawConnection({ source: user === undefined ? source() : { ...source(), user }, parameters: {} }),
      sql: (text) => query(source(), text),
      flushLsn: async () => parseLsn((await query(source(), 'SELECT pg_current_wal_flush_lsn()'))[0]?.[0] ?? ''),
      async [Symbol.asyncDispose](): Promise<void> {
        rmSync(dir, { recursive: true, force: true })
        const slots = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '${name}'`
        await within(5000, 'the slot to become free', () =>
          admin(slots).then(
            () => true,
            () => false,
          ),
        )
        await admin(`DROP DATABASE ${name} WITH (FORCE)`)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gate?.[Symbol.asyncDispose]()
    await this.#embedded.stop('immediate')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function startServer(folder: string): Promise<EmbeddedPostgres> {
  return startEmbedded({ dir: join(folder, 'postgres'), log: pino({ level: 'silent' }) })
}

async function query(source: SourceConnection, text: string): Promise<(string | null)[][]> {
  const connection = await openRawConnection({ source, parameters: {} })
  try {
    return await connection.query(text)
  } finally {
    await connection.close()
  }
}

/** Waits until `holds` says true. */
export async function within(ms: number, what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`)
    await delay(5)
  }
}

export interface LoggedRow {
  readonly tag: number
  readonly relid: number
  /** Text of the first column of the new row, or of the old one of a delete. */
  readonly first: string
}

export type LogEvent =
  | {
      readonly tag: 'transaction'
      readonly ts: Hlc
      readonly commitLsn: Lsn
      readonly endLsn: Lsn
      readonly rows: readonly LoggedRow[]
      readonly schemas: readonly string[]
      /** `row <first column>` and the JSON of descriptions, in order. */
      readonly records: readonly string[]
    }
  | { readonly tag: 'closed'; readonly ts: Hlc; readonly lsn: Lsn }
  | ({ readonly tag: 'gap' } & Gap)

/** Everything durable in the log, from its tail. */
export function readLog(dir: string, head: LogHead): LogEvent[] {
  const events: LogEvent[] = []
  const log = openChangelog(dir, head.shared)
  using reader = log.readFrom(log.tail)
  let open: { ts: Hlc; commitLsn: Lsn; rows: LoggedRow[]; schemas: string[]; records: string[] } | undefined
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    const payload = block.payload()
    for (let at = 0; at < payload.length;) {
      const start = at + 4
      at = start + payload.readUInt32BE(at)
      const tag = payload[start] as number
      if (tag === record.begin)
        open = {
          ts: timestampOf(payload, start),
          commitLsn: lsnOf(payload, start),
          rows: [],
          schemas: [],
          records: [],
        }
      else if (tag === record.commit) {
        if (open === undefined) throw new Error('a commit without its begin')
        events.push({ tag: 'transaction', ...open, endLsn: payload.readBigUInt64BE(start + 1) })
        open = undefined
      } else if (tag === record.closed)
        events.push({ tag: 'closed', ts: timestampOf(payload, start), lsn: lsnOf(payload, start) })
      else if (tag === record.gap || tag === record.gapOf) {
        const gap = readGap(payload, start, at)
        if (gap !== undefined) events.push({ tag: 'gap', ...gap })
      } else if (tag === record.schema) {
        const json = payload.toString('utf8', start + 1, at)
        open?.schemas.push(json)
        open?.records.push(json)
      } else if (tag === record.insert || tag === record.update || tag === record.delete) {
        if (open === undefined) throw new Error('a row outside a transaction')
        const first = firstColumn(payload, start + 5, tag === record.update)
        open.rows.push({ tag, relid: payload.readUInt32BE(start + 1), first })
        open.records.push(`row ${first}`)
      }
    }
  }
  return events
}

/** u8 kind, u16 columns, first column: 't' i32 length bytes. */
function firstColumn(payload: Buffer, at: number, isUpdate: boolean): string {
  if (isUpdate && payload[at] !== 0x4e) return ''
  if (payload[at + 3] !== 0x74) return ''
  const length = payload.readInt32BE(at + 4)
  return payload.toString('utf8', at + 8, at + 8 + length)
}
