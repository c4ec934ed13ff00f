import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LogHead } from '../changelog/files/log-head.ts'
import { LogWriter } from '../changelog/files/log-writer.ts'
import { openChangelog } from '../changelog/files/open-changelog.ts'
import { recoverLog } from '../changelog/files/recover.ts'
import type { Changelog } from '../changelog/changelog.ts'
import type { Hlc } from '../core/hlc.ts'
import { zeroHlc } from '../core/hlc.ts'
import { SchemaHistory } from '../decode/schema-history.ts'
import { LogFollower } from './follow-log.ts'
import { MessageOutput } from './message-output.ts'

const relid = 42
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

const insert = (row: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from('I'), u32(relid), Buffer.from('N'), tuple(row)])
const update = (old: readonly string[], row: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from('U'), u32(relid), Buffer.from('O'), tuple(old), Buffer.from('N'), tuple(row)])

class TestLog implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'follow-'))
  readonly head = new LogHead()
  readonly writer: LogWriter
  #wall = 1000n
  #lsn = 1000n

  constructor(segmentBytes?: number) {
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

  get log(): Changelog {
    return openChangelog(this.dir, this.head.shared)
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Every message up to `endTime`, as `<ts> <key> <value's b>`, and the frontiers in between as `-> <ts>`. */
async function follow(log: Changelog, after: Hlc, endTime: Hlc): Promise<string[]> {
  const said: string[] = []
  let ts = ''
  const output = new MessageOutput({
    encodeKey: (_relation, row, out) => out.copy(row.bytes, row.starts[0], row.ends[0]),
    encodeValue: (change, out) => {
      ts = change.updated.toString()
      const { after: row } = change
      if (row !== undefined)
        out.latin1(`${ts.split('.')[0]} ${row.bytes.toString('latin1', row.starts[1], row.ends[1]).slice(0, 8)}`)
      return true
    },
    encodeResolved: () => undefined,
  })
  const handOn = async (): Promise<void> => {
    const { batch } = output
    const { buffer } = batch.bytes
    for (let i = 0; i < batch.count; i++) {
      const key = buffer.toString('latin1', batch.keyStarts[i], batch.valueStarts[i])
      said.push(`${key} ${buffer.toString('latin1', batch.valueStarts[i], batch.valueEnds[i])}`)
    }
    batch.clear()
  }
  using reader = log.readAfter(after)
  const follower = new LogFollower({
    log,
    reader,
    schemas: new SchemaHistory(),
    targets: [{ relid, topic: 't', tableName: 't' }],
    diff: true,
    after,
    endTime,
    output,
    handOn,
    advanced: async (frontier) => {
      await handOn()
      said.push(`-> ${frontier.wall}`)
    },
    signal: new AbortController().signal,
  })
  await follower.run()
  await handOn()
  return said
}

test('transactions that lie across blocks and segments come whole, and before the frontier passes them', async () => {
  using files = new TestLog(1024 * 1024)
  const filler = 'f'.repeat(500)
  files.transaction([insert(['1', 'x']), insert(['2', 'x'])], true)
  let last = zeroHlc
  const transactions = 6000
  for (let i = 1; i <= transactions; i++) {
    const value = `${String(i).padStart(8, '0')}${filler}`
    const messages = [update(['1', 'x'], ['1', value]), update(['2', 'x'], ['2', value])]
    if (i % 7 === 0) messages.splice(1, 0, update(['1', value], ['1', value]))
    last = files.transaction(messages)
  }
  await files.writer.flush()
  const said = await follow(files.log, zeroHlc, last)
  await files.writer.close()
  const rows = said.filter((line) => !line.startsWith('->'))
  assert.equal(rows.length, 2 + 2 * transactions)
  let frontier = 0n
  for (const line of said) {
    if (line.startsWith('->')) frontier = BigInt(line.slice(3))
    else assert.ok(BigInt(line.split(' ')[1] ?? '0') > frontier, `${line} after ${frontier}`)
  }
})
