// A changelog as ingest writes it, of a table `t (a int8 PRIMARY KEY, b text)` with REPLICA IDENTITY FULL: for tests of
// feeds that need no PostgreSQL.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Changelog, LogHandle } from '../../src/changelog/changelog.ts'
import { LogHead } from '../../src/changelog/files/log-head.ts'
import { LogWriter } from '../../src/changelog/files/log-writer.ts'
import { openChangelog } from '../../src/changelog/open-changelog.ts'
import { recoverLog } from '../../src/changelog/files/recover.ts'
import type { Hlc } from '../../src/core/hlc.ts'
import type { ColumnDescription, TableDescription } from '../../src/core/table.ts'
import { removeStore } from './kept-stores.ts'

export const relid = 42
const description: TableDescription = {
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

function layoutOf({ description: { relid: ofTable, name: table }, identity, columns, primaryKey }: TableLook): Buffer {
  return Buffer.concat([
    Buffer.from('R'),
    u32(ofTable),
    cstring('public'),
    cstring(table),
    Buffer.from(identity),
    Buffer.from([0, columns.length]),
    ...columns.flatMap(({ name, typeOid }) => [
      Buffer.from([identity === 'f' || primaryKey.includes(name) ? 1 : 0]),
      cstring(name),
      u32(typeOid),
      u32(0xffffffff),
    ]),
  ])
}

/** What the table looks like from there on, in place of a row: what a DDL of the transaction has made of it. */
export class TableLook {
  readonly description: TableDescription
  readonly layout: Buffer

  constructor(change: Partial<TableDescription> = {}) {
    this.description = { ...description, ...change }
    this.layout = layoutOf(this)
  }

  get identity(): string {
    return this.description.identity
  }

  get columns(): readonly ColumnDescription[] {
    return this.description.columns
  }

  get primaryKey(): readonly string[] {
    return this.description.primaryKey
  }
}

/** A column beside those that the table has. */
export function textColumn(name: string, attnum: number): ColumnDescription {
  return { ...(description.columns[1] as ColumnDescription), name, attnum }
}

/** `null` is a NULL, or a column that was not sent. */
function tuple(values: readonly (string | null)[]): Buffer {
  return Buffer.concat([
    Buffer.from([0, values.length]),
    ...values.flatMap((value) =>
      value === null ? [Buffer.from('n')] : [Buffer.from('t'), u32(Buffer.byteLength(value)), Buffer.from(value)],
    ),
  ])
}

export const insert = (row: readonly (string | null)[], into = relid): Buffer =>
  Buffer.concat([Buffer.from('I'), u32(into), Buffer.from('N'), tuple(row)])
export const update = (old: readonly string[], row: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from('U'), u32(relid), Buffer.from('O'), tuple(old), Buffer.from('N'), tuple(row)])
/** Of a table without REPLICA IDENTITY FULL: the previous values are not logged. */
export const updateOfKey = (row: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from('U'), u32(relid), Buffer.from('N'), tuple(row)])
/** The same, and the key of the row has changed. */
export const updateKey = (oldKey: readonly (string | null)[], row: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from('U'), u32(relid), Buffer.from('K'), tuple(oldKey), Buffer.from('N'), tuple(row)])
/** The same table: only the key of the row that was there is logged. */
export const removeOfKey = (oldKey: readonly (string | null)[]): Buffer =>
  Buffer.concat([Buffer.from('D'), u32(relid), Buffer.from('K'), tuple(oldKey)])
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

  transaction(messages: readonly (Buffer | TableLook)[], withSchema = false): Hlc {
    const ts = { wall: (this.#wall += 1000n), logical: 0 }
    this.writer.begin(ts, (this.#lsn += 100n), 1, 0n)
    if (withSchema) this.#look(new TableLook())
    for (const message of messages) {
      if (message instanceof TableLook) this.#look(message)
      else this.writer.row(message.readUInt32BE(1), message[0] === 0x49, message, 0, message.length)
    }
    this.writer.commit(this.#lsn + 50n)
    return ts
  }

  #look({ description: look, layout }: TableLook): void {
    this.writer.schema(look.relid, Buffer.from(JSON.stringify(look)), look.dropped === true)
    this.writer.relation(look.relid, layout, 0, layout.length)
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

  get handle(): LogHandle {
    return { tag: 'files', dir: this.dir, shared: this.head.shared }
  }

  get log(): Changelog {
    return openChangelog(this.handle)
  }

  [Symbol.dispose](): void {
    removeStore(this.dir)
  }
}
