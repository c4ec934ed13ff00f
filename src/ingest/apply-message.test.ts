import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { LogHead } from '../changelog/files/log-head.ts'
import { FeedError } from '../errors/feed-error.ts'
import { MessageApplier } from './apply-message.ts'
import type { LogWriter } from '../changelog/files/log-writer.ts'
import { LogTail } from './log-tail.ts'
import { openLog } from './open-log.ts'
import { readLog, type LogEvent } from '../../test/support/source-under-test.ts'

const prefix = 'pg_changefeed:token'

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

function newApplier(writer: LogWriter): MessageApplier {
  return new MessageApplier({ writer, prefix, tail: new LogTail({ tag: 'none' }, 0n, 0n), clock: { now: 1n << 60n } })
}

class Applied implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'apply-'))
  readonly head = new LogHead()
  writer = openLog(this.dir, this.head).writer
  applier = newApplier(this.writer)

  apply(...messages: readonly Buffer[]): void {
    for (const message of messages) {
      const padded = Buffer.concat([Buffer.alloc(3), message, Buffer.alloc(2)])
      this.applier.apply(padded, 3, 3 + message.length)
    }
  }

  /** As after a crash: what is not durable is gone. */
  async reopen(): Promise<void> {
    await this.writer.close()
    this.writer = openLog(this.dir, this.head).writer
    this.applier = newApplier(this.writer)
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
  applied.apply(begin(100n), truncate(5), logical(prefix, '{"relid": 5}'), commit(100n, 110n))
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

test('only messages with our token describe tables', async () => {
  await using applied = new Applied()
  applied.apply(
    begin(100n),
    logical('pg_changefeed:forged', '{"relid": 5, "name": "forged"}'),
    logical('pg_changefeed:toke', '{"relid": 5, "name": "short"}'),
    logical(`${prefix}2`, '{"relid": 5, "name": "long"}'),
    logical('other', 'not json'),
    logical(prefix, '{"relid": 5, "name": "ours"}'),
    commit(100n, 110n),
  )
  const [event] = await applied.events()
  assert.ok(event?.tag === 'transaction')
  assert.deepEqual(event.schemas, ['{"relid": 5, "name": "ours"}'])
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
