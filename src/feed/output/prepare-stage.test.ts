// An encoder that has to wait before it can encode a version of a relation, as one that asks a schema registry does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert, relid, TableLook, textColumn, update, WrittenLog } from '../../../test/support/written-log.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { RowView } from '../../core/row-view.ts'
import { readCopyLine } from '../../decode/copy-text.ts'
import { relationOfDescription } from '../../decode/schema-history.ts'
import type { Encoder } from '../../encode/encoder.ts'
import { LogFollower } from '../follow/follow-log.ts'
import type { ChangeTaker } from './change-taker.ts'
import { ChangeWriter } from './change-writer.ts'
import { MessageOutput } from './message-output.ts'
import { PrepareStage } from './prepare-stage.ts'

const narrow = new TableLook()
/** All rows were written anew, so that earlier rows of the same transaction keep their columns. */
const wide = new TableLook({ columns: [...narrow.columns, textColumn('c', 3)], rewrites: 1 })

function text(row: RowView | undefined): string {
  if (row === undefined) return '-'
  return Array.from({ length: row.count }, (_, i) => row.bytes.toString('latin1', row.starts[i], row.ends[i])).join(',')
}

/** A feed whose encoder numbers the versions of relations from 1 on, each when the test says that it is prepared. */
class SlowFeed {
  /** Messages that reached the sink: `<schema> <after>|<before> <updated>/<mvcc>`. */
  readonly sent: string[] = []
  /** The versions that were prepared or are being prepared, in order. */
  readonly asked: RelationSchema[] = []
  taken = 0
  readonly messages: MessageOutput
  readonly changes: ChangeWriter
  readonly #answers: PromiseWithResolvers<number>[] = []
  readonly #ready = new Map<RelationSchema, number>()

  constructor(signal = new AbortController().signal) {
    const encoder: Encoder = {
      prepare: (relation) => {
        assert.ok(!this.asked.includes(relation), 'a version is prepared once')
        this.asked.push(relation)
        const answer = Promise.withResolvers<number>()
        this.#answers.push(answer)
        const number = this.asked.length
        return answer.promise.then(() => {
          this.#ready.set(relation, number)
          return number
        })
      },
      encodeKey: (relation) => assert.ok(this.#ready.has(relation), 'a change was encoded before it was prepared'),
      encodeValue: ({ relation, after, before, schema, updated, mvcc }, out) => {
        assert.equal(schema, this.#ready.get(relation))
        out.latin1(`${text(after)}|${text(before)} ${updated.toString()}/${mvcc.toString()}`)
        return true
      },
      prepareResolved: () => undefined,
      encodeResolved: () => undefined,
    }
    this.messages = new MessageOutput(encoder, async ({ bytes, schemas, keyStarts, valueEnds, count }) => {
      for (let i = 0; i < count; i++) {
        this.sent.push(`${schemas[i]} ${bytes.buffer.toString('latin1', keyStarts[i], valueEnds[i])}`)
      }
      this.messages.batch.clear()
    })
    const stage: ChangeTaker = new PrepareStage({ encoder, next: this.messages, signal })
    this.changes = new ChangeWriter({
      get isFull() {
        return stage.isFull
      },
      take: (change) => {
        this.taken += 1
        stage.take(change)
      },
      drain: () => stage.drain(),
    })
  }

  /** Lets everybody go as far as they can without another answer. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  }

  /** Answers the question that waits. */
  answer(error?: Error): void {
    const answer = this.#answers.at(-1)
    if (error === undefined) answer?.resolve(0)
    else answer?.reject(error)
  }

  follow({ log, start }: WrittenLog, endTime: Hlc, signal = new AbortController().signal): Promise<void> {
    const follower = new LogFollower({
      log,
      reader: log.readAfter(start),
      targets: [{ relid, topic: 't', tableName: 't' }],
      diff: true,
      after: start,
      endTime,
      stopsAtSchemaChange: false,
      changes: this.changes,
      advanced: async () => undefined,
      signal,
    })
    return follower.run().then(async () => {
      if (!signal.aborted) await this.changes.drain()
    })
  }
}

const at = (wall: bigint): string => `${wall}.0000000000/${wall}.0000000000`

/** A transaction with a DDL between its second and its third row, and another transaction after it. */
async function withDdl(): Promise<{ readonly files: WrittenLog; readonly first: bigint; readonly last: Hlc }> {
  const files = await WrittenLog.open()
  const { wall: first } = files.transaction([
    narrow,
    insert(['1', 'x']),
    insert(['2', 'x']),
    wide,
    insert(['3', 'x', 'y']),
    update(['1', 'x', ''], ['1', 'z', 'y']),
    insert(['4', 'x', 'y']),
  ])
  const last = files.transaction([update(['3', 'x', 'y'], ['3', 'new', 'y'])])
  await files.writer.flush()
  await files.writer.close()
  return { files, first, last }
}

test('a DDL within a transaction is waited for: nothing is lost, reordered or encoded with the other version', async () => {
  const { files, first, last } = await withDdl()
  using _files = files
  const feed = new SlowFeed()
  const following = feed.follow(files, last)
  await feed.settle()
  assert.deepEqual([feed.taken, feed.sent], [1, []], 'the producer stops at the first change')
  feed.answer()
  await feed.settle()
  assert.deepEqual(feed.sent, [`1 2,x|- ${at(first)}`], 'what came before is in the sink while the encoder waits')
  assert.equal(feed.taken, 2)
  feed.answer()
  await following
  assert.deepEqual(feed.sent, [
    `1 2,x|- ${at(first)}`,
    `2 3,x,y|- ${at(first)}`,
    `2 1,z,y|- ${at(first)}`,
    `2 4,x,y|- ${at(first)}`,
    `2 3,new,y|3,x,y ${at(last.wall)}`,
  ])
  assert.deepEqual(
    feed.asked.map(({ columns }) => columns.length),
    [2, 3],
  )
})

test('an encoder that cannot be prepared ends the feed with its error, after what came before', async () => {
  const { files, first, last } = await withDdl()
  using _files = files
  const feed = new SlowFeed()
  const following = feed.follow(files, last)
  await feed.settle()
  feed.answer()
  await feed.settle()
  const refused = new Error('the registry refuses the schema')
  feed.answer(refused)
  await assert.rejects(following, refused)
  await feed.messages.drain()
  assert.deepEqual(feed.sent, [`1 2,x|- ${at(first)}`])
  await assert.rejects(feed.changes.drain(), refused, 'the error is not forgotten')
})

test('a feed that is stopped while its encoder waits ends at once, and does not emit what waited', async () => {
  const { files, last } = await withDdl()
  using _files = files
  const abort = new AbortController()
  const feed = new SlowFeed(abort.signal)
  const following = feed.follow(files, last, abort.signal)
  await feed.settle()
  abort.abort(new Error('stopped'))
  await following
  await feed.messages.drain()
  assert.deepEqual(feed.sent, [])
})

/** Gives lines of COPY as a scan does: a piece of the stream at a time, each in the same memory, and in the same view. */
async function copy(feed: SlowFeed, relation: RelationSchema, pieces: readonly (readonly string[])[]): Promise<void> {
  const row = new RowView()
  const memory = Buffer.alloc(64 * 1024)
  for (const piece of pieces) {
    let end = 0
    for (const line of piece) {
      const start = end
      end += memory.write(`${line}\n`, start)
      readCopyLine(memory, start, end - 1, relation, row)
      feed.changes.mvcc = Buffer.from(line)
      feed.changes.write(relation, 0, row, row, undefined)
    }
    if (feed.changes.isFull) await feed.changes.drain()
    memory.fill(0x21)
  }
}

test('a scan gives the rest of its piece, then waits; its rows come once, in order, each with its own times', async () => {
  const feed = new SlowFeed()
  feed.changes.stamp({ wall: 7n, logical: 0 })
  const versions = [narrow, wide].map((look) => relationOfDescription(look.description))
  const scanning = (async () => {
    await copy(feed, versions[0] as RelationSchema, [['1\tx', '2\t\\N', '3\tx'], ['4\tx']])
    await copy(feed, versions[1] as RelationSchema, [
      ['5\tx\ty', '6\tx\ty'],
      ['7\tx\ty', '8\tx\ty'],
    ])
    await copy(feed, versions[0] as RelationSchema, [['9\tx']])
    await feed.changes.drain()
  })()
  await feed.settle()
  assert.deepEqual([feed.taken, feed.sent.length], [3, 0])
  feed.answer()
  await feed.settle()
  assert.deepEqual([feed.taken, feed.sent.length], [6, 4])
  feed.answer()
  await scanning
  assert.equal(feed.taken, 9)
  const row = (schema: number, ...values: string[]): string =>
    `${schema} ${values.join(',')}|- 7.0000000000/${values.map((value) => value || '\\N').join('\t')}`
  assert.deepEqual(feed.sent, [
    row(1, '1', 'x'),
    row(1, '2', ''),
    row(1, '3', 'x'),
    row(1, '4', 'x'),
    row(2, '5', 'x', 'y'),
    row(2, '6', 'x', 'y'),
    row(2, '7', 'x', 'y'),
    row(2, '8', 'x', 'y'),
    row(1, '9', 'x'),
  ])
})

test('changes of two versions by turns wait for each in order, also when the producer cannot wait in between', async () => {
  const feed = new SlowFeed()
  const versions = [narrow, wide].map((look) => relationOfDescription(look.description))
  const row = new RowView()
  for (let i = 0; i < 8; i++) {
    const line = Buffer.from(i % 2 === 0 ? `${i}\tx` : `${i}\tx\ty`)
    const relation = versions[i % 2] as RelationSchema
    readCopyLine(line, 0, line.length, relation, row)
    feed.changes.write(relation, 0, row, row, undefined)
  }
  const draining = feed.changes.drain()
  for (let i = 0; i < 2; i++) {
    await feed.settle()
    feed.answer()
  }
  await draining
  assert.deepEqual(
    feed.sent.map((line) => line.slice(0, 3)),
    ['1 0', '2 1', '1 2', '2 3', '1 4', '2 5', '1 6', '2 7'],
  )
})
