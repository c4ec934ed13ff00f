import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { LogHead } from '../changelog/files/log-head.ts'
import { FeedError } from '../errors/feed-error.ts'
import { MessageApplier } from './apply-message.ts'
import type { ChangelogWriter } from '../changelog/changelog.ts'
import { HistoryCheck } from './history-check.ts'
import { openWriter } from '../changelog/files/open-writer.ts'
import { type LogEvent } from '../../test/support/read-log.ts'
import { readLog } from '../../test/support/read-log.ts'

function u64(...values: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length)
  for (const [i, value] of values.entries()) bytes.writeBigUInt64BE(value, 8 * i)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const begin = (commitLsn: bigint, micros = commitLsn): Buffer =>
  Buffer.concat([Buffer.from('B'), u64(commitLsn, micros), u32(7)])
const commit = (commitLsn: bigint, endLsn: bigint): Buffer =>
  Buffer.concat([Buffer.from('C\0'), u64(commitLsn, endLsn, 0n)])
const relation = (relid: number): Buffer => Buffer.concat([Buffer.from('R'), u32(relid), Buffer.from('rest')])
const insert = (relid: number, text: string): Buffer =>
  Buffer.concat([
    Buffer.from('I'),
    u32(relid),
    Buffer.from('N'),
    Buffer.of(0, 1, 0x74),
    u32(text.length),
    Buffer.from(text),
  ])
const logical = (withPrefix: string, content: string): Buffer =>
  Buffer.concat([
    Buffer.from('M\x01'),
    u64(1n),
    Buffer.from(`${withPrefix}\0`),
    u32(content.length),
    Buffer.from(content),
  ])
const truncate = (...relids: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from('T'), u32(relids.length), Buffer.of(0), ...relids.map(u32)])

function newApplier(writer: ChangelogWriter, warnings: string[]): MessageApplier {
  return new MessageApplier({
    writer,
    warn: (why) => warnings.push(why),
    history: new HistoryCheck({ tag: 'none' }, 0n, 0n),
    clock: { readFor: () => 1n << 60n },
  })
}

class Applied implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'apply-'))
  readonly head = new LogHead()
  readonly warnings: string[] = []
  writer = openWriter(this.dir, this.head).writer
  applier = newApplier(this.writer, this.warnings)

  apply(...messages: readonly Buffer[]): void {
    for (const message of messages) {
      const padded = Buffer.concat([Buffer.alloc(3), message, Buffer.alloc(2)])
      this.applier.apply(padded, 3, 3 + message.length)
    }
  }

  /** As after a crash: what is not durable is gone. */
  async reopen(): Promise<void> {
    await this.writer.close()
    this.writer = openWriter(this.dir, this.head).writer
    this.applier = newApplier(this.writer, this.warnings)
  }

  async events(): Promise<LogEvent[]> {
    await this.writer.flush()
    return readLog(this.dir, this.head)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

function ids(events: readonly LogEvent[]): string[] {
  return events.flatMap((event) => (event.tag === 'transaction' ? event.rows.map(({ first }) => first) : []))
}

test('what the log holds already is dropped when it comes again, and what follows is kept', async () => {
  await using applied = new Applied()
  const first = [begin(100n), relation(5), insert(5, 'a'), commit(100n, 110n)]
  const second = [begin(110n), insert(5, 'b'), commit(110n, 130n)]
  applied.apply(...first)
  assert.equal(applied.applier.receivedEnd, 110n)
  applied.apply(...first, ...second)
  applied.apply(begin(100n), truncate(5), commit(100n, 110n))
  assert.deepEqual(ids(await applied.events()), ['a', 'b'])
  await applied.reopen()
  assert.equal(applied.writer.endLsn, 130n)
  applied.apply(...first, ...second, begin(131n), insert(5, 'c'), commit(131n, 140n))
  assert.deepEqual(ids(await applied.events()), ['a', 'b', 'c'])
})

test('a transaction that was not complete leaves nothing and may come again', async () => {
  await using applied = new Applied()
  applied.apply(begin(100n), insert(5, 'a'), commit(100n, 110n))
  await applied.events()
  const large = 'x'.repeat(100_000)
  applied.apply(begin(120n), ...Array.from({ length: 20 }, () => insert(5, large)))
  assert.equal(applied.applier.inTransaction, true)
  await applied.reopen()
  assert.equal(applied.applier.inTransaction, false)
  applied.apply(begin(120n), insert(5, 'b'), commit(120n, 130n))
  assert.deepEqual(ids(await applied.events()), ['a', 'b'])
})

test('complete transactions that were written and not synced are not trusted by the next attempt', async () => {
  await using applied = new Applied()
  applied.apply(begin(100n), insert(5, 'a'), commit(100n, 110n))
  await applied.events()
  const large = 'x'.repeat(300_000)
  applied.apply(begin(120n), insert(5, large), commit(120n, 130n))
  await applied.reopen()
  assert.equal(applied.writer.endLsn, 110n)
  applied.apply(begin(120n), insert(5, 'b'), commit(120n, 130n))
  assert.deepEqual(ids(await applied.events()), ['a', 'b'])
})

const ours = 9
/** changefeed.watched (relid, description, types) */
const announced = Buffer.concat([
  Buffer.from('R'),
  u32(ours),
  Buffer.from('changefeed\0watched\0d\0\x03'),
  ...['relid', 'description', 'types'].map((name) =>
    Buffer.concat([Buffer.of(name === 'relid' ? 1 : 0), Buffer.from(`${name}\0`), u32(26), u32(0xffffffff)]),
  ),
])
const value = (text: string | undefined): Buffer =>
  text === undefined
    ? Buffer.from('u')
    : Buffer.concat([Buffer.from('t'), u32(Buffer.byteLength(text)), Buffer.from(text)])
const described = (tag: string, text: string | undefined): Buffer =>
  Buffer.concat([
    Buffer.from(tag[0] ?? ''),
    u32(ours),
    ...Array.from(tag.slice(1), (kind) => descriptionRow(kind, text)),
  ])
const descriptionRow = (kind: string, text: string | undefined): Buffer =>
  Buffer.concat([Buffer.from(kind), Buffer.of(0, 3), value('5'), value(kind === 'N' ? text : 'old'), Buffer.from('n')])
const table = (name: string): string => JSON.stringify({ relid: 5, schema: 's', name, columns: [], primaryKey: [] })

test('rows of the table of descriptions describe tables, and logical messages are nothing', async () => {
  await using applied = new Applied()
  // Announced in a transaction that the log holds already.
  applied.apply(begin(10n), insert(5, 'a'), commit(10n, 20n))
  applied.apply(begin(10n), announced, commit(10n, 20n))
  applied.apply(
    begin(100n),
    logical('pg_changefeed:token', 'not json'),
    described('IN', table('first')),
    described('UON', table('größe')),
    described('UN', undefined),
    described('DK', undefined),
    insert(5, 'b'),
    commit(100n, 110n),
  )
  const event = (await applied.events()).at(-1)
  assert.ok(event?.tag === 'transaction')
  assert.deepEqual(event.records, [table('first'), table('größe'), 'row b'])
  assert.deepEqual(applied.warnings, [])
})

test('a row that is not the description of a table is passed over, and somebody hears of it', async () => {
  await using applied = new Applied()
  const wrong = [
    '[]',
    'null',
    '1',
    '{"relid": "5"}',
    '{',
    '{"relid": 5, "name": "t"}',
    table('t').replace('[]', '[{}]'),
  ]
  applied.apply(
    begin(100n),
    announced,
    ...wrong.map((json) => described('IN', json)),
    insert(5, 'a'),
    commit(100n, 110n),
  )
  const event = (await applied.events()).at(-1)
  assert.ok(event?.tag === 'transaction')
  assert.deepEqual(event.records, ['row a'])
  assert.equal(applied.warnings.length, wrong.length)
})

test('commit times that run backwards give timestamps that grow', async () => {
  await using applied = new Applied()
  for (const [i, micros] of [50n, 40n, 45n, 51n].entries()) {
    const lsn = BigInt(100 + 20 * i)
    applied.apply(begin(lsn, micros), insert(5, String(i)), commit(lsn, lsn + 10n))
  }
  const stamps = (await applied.events()).map((event) => (event.tag === 'gap' ? undefined : event.ts))
  const wall = stamps[0]?.wall ?? 0n
  assert.deepEqual(stamps, [
    { wall, logical: 0 },
    { wall, logical: 1 },
    { wall, logical: 2 },
    { wall: wall + 1000n, logical: 0 },
  ])
})

test('an unknown message is refused', async () => {
  await using applied = new Applied()
  assert.throws(
    () => applied.apply(Buffer.from('Zoo')),
    (error) => error instanceof FeedError && error.code === 'FEED_PROTOCOL',
  )
})
