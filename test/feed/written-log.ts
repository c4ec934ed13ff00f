// A changelog as ingest writes it, of a table `t (a int8 PRIMARY KEY, b text)` with REPLICA IDENTITY FULL: for tests of
// feeds that need no PostgreSQL.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Changelog } from '../../src/changelog/changelog.ts'
import { LogHead } from '../../src/changelog/files/log-head.ts'
import { LogWriter } from '../../src/changelog/files/log-writer.ts'
import { openChangelog } from '../../src/changelog/files/open-changelog.ts'
import { recoverLog } from '../../src/changelog/files/recover.ts'
import type { Hlc } from '../../src/core/hlc.ts'

export const relid = 42
const description = {
  relid,
  database: 'd',
  schema: 'public',
  name: 't',
  identity: 'f',
  primaryKey: ['a'],
  columns: [
    {
      name: 'a',
      attnum: 1,
      typeOid: 20,
      typmod: -1,
      typeName: 'bigint',
      shape: { tag: 'scalar', name: 'int8' },
      notNull: true,
      hasDefault: false,
      generated: false,
    },
    {
      name: 'b',
      attnum: 2,
      typeOid: 25,
      typmod: -1,
      typeName: 'text',
      shape: { tag: 'scalar', name: 'text' },
      notNull: false,
      hasDefault: false,
      generated: false,
    },
  ],
}

function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const relation = Buffer.concat([
  Buffer.from('R'),
  u32(relid),
  cstring('public'),
  cstring('t'),
  Buffer.from('f'),
  Buffer.from([0, 2]),
  Buffer.from([1]),
  cstring('a'),
  u32(20),
  u32(0xffffffff),
  Buffer.from([1]),
  cstring('b'),
  u32(25),
  u32(0xffffffff),
])

function tuple(values: readonly string[]): Buffer {
  return Buffer.concat([
    Buffer.from([0, values.length]),
    ...values.flatMap((value) => [Buffer.from('t'), u32(Buffer.byteLength(value)), Buffer.from(value)]),
  ])
}

export const insert = (row: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from('I'), u32(relid), Buffer.from('N'), tuple(row)])
export const update = (old: readonly string[], row: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from('U'), u32(relid), Buffer.from('O'), tuple(old), Buffer.from('N'), tuple(row)])
export const remove = (old: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from('D'), u32(relid), Buffer.from('O'), tuple(old)])

export class WrittenLog implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'changefeed-log-'))
  readonly head = new LogHead()
  readonly writer: LogWriter
  #wall = 1000n
  #lsn = 1000n

  /** Before everything. A log knows nothing from before its first block, so the first is about that. */
  readonly start: Hlc = { wall: 1n, logical: 0 }

  static async open(segmentBytes?: number): Promise<WrittenLog> {
    const log = new WrittenLog(segmentBytes)
    log.writer.closed(log.start, 1n)
    await log.writer.flush()
    return log
  }

  private constructor(segmentBytes: number | undefined) {
    this.writer = new LogWriter({ dir: this.dir, head: this.head, recovered: recoverLog(this.dir), segmentBytes })
  }

  transaction(messages: readonly Buffer[], withSchema = false): Hlc {
    const ts = { wall: (this.#wall += 1000n), logical: 0 }
    this.writer.begin(ts, (this.#lsn += 100n), 1, 0n)
    if (withSchema) {
      this.writer.schema(relid, Buffer.from(JSON.stringify(description)), false)
      this.writer.relation(relid, relation, 0, relation.length)
    }
    for (const message of messages) this.writer.row(relid, message[0] === 0x49, message, 0, message.length)
    this.writer.commit(this.#lsn + 50n)
    return ts
  }

  /** The table is dropped. */
  drop(): Hlc {
    const ts = { wall: (this.#wall += 1000n), logical: 0 }
    this.writer.begin(ts, (this.#lsn += 100n), 1, 0n)
    this.writer.schema(relid, Buffer.from(JSON.stringify({ ...description, dropped: true })), true)
    this.writer.commit(this.#lsn + 50n)
    return ts
  }

  /** Time passes. */
  closed(): Hlc {
    this.#wall += 1000n
    this.writer.closed(this.now, this.#lsn + 50n)
    return this.now
  }

  gap(reason: string): void {
    this.writer.gap({ wall: (this.#wall += 1n), logical: 0 }, (this.#lsn += 100n), reason)
  }

  /** Timestamp of the last transaction. */
  get now(): Hlc {
    return { wall: this.#wall, logical: 0 }
  }

  get log(): Changelog {
    return openChangelog(this.dir, this.head.shared)
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}
