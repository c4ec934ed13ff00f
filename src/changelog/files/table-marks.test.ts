// The marks of tables, and what a reader may conclude from them, whatever the writer does between two of its looks.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import { randomOf } from '../../../test/support/log-under-test.ts'
import { LogHead } from './log-head.ts'
import { MarkedTables, TableMarks, tableMarkBytes } from './table-marks.ts'

test('no mark is missed, however many tables share the slots, and few are seen that are of others', () => {
  const random = randomOf(1)
  const marks = new TableMarks(new SharedArrayBuffer(tableMarkBytes), 0)
  const ends = new Map<number, number>()
  for (let end = 1; end <= 20_000; end++) {
    const relid = 16_384 + random(100_000)
    marks.raise([relid], end)
    ends.set(relid, end)
  }
  for (const [relid, end] of ends) assert.equal(marks.isPast(end - 1, new MarkedTables().of([relid])), true)

  const few = new TableMarks(new SharedArrayBuffer(tableMarkBytes), 0)
  // As a server has them: tables with oids at a distance of five, one of which is busy.
  few.raise([16_384], 7)
  const wrongly = Array.from({ length: 1000 }, (_, i) => 16_389 + 5 * i).filter((relid) =>
    few.isPast(0, new MarkedTables().of([relid])),
  )
  assert.ok(wrongly.length < 3, `${wrongly.length} of 1000 tables share the slot of the busy one`)
})

test('a list of tables that grows is marked by all of its tables, and news concern everybody', () => {
  const marks = new TableMarks(new SharedArrayBuffer(tableMarkBytes), 0)
  const tables = [1]
  const marked = new MarkedTables()
  marks.raise([2], 10)
  assert.equal(marks.isPast(0, marked.of(tables)), false)
  tables.push(2)
  assert.equal(marks.isPast(0, marked.of(tables)), true)
  assert.equal(marks.isPast(10, marked.of(tables)), false)
  assert.equal(marks.isPast(0, marked.of([1])), false)
  marks.raiseNews(20)
  assert.equal(marks.isPast(10, marked.of([1])), true)
})

test('blocks of which nobody has said what they hold concern every reader', () => {
  const head = new LogHead()
  const tables = new MarkedTables().of([1])
  head.publish(100, at(5n), 5n)
  assert.equal(head.passOver(0, tables), undefined)
  assert.equal(head.passOver(100, tables), undefined)
  head.wrote(200, [2], false)
  head.publish(200, at(6n, 3), 6n)
  assert.deepEqual(head.passOver(100, tables), { head: 200, resolved: at(6n, 3) })
})

/** What is in a log: the ends of its blocks, with the timestamp and the table of the one row in each. */
interface Written {
  readonly end: number
  readonly ts: Hlc
  readonly relid: number
}

/** A writer whose steps are single writes to the shared memory, so that others can look between any two of them. */
class SteppedWriter {
  readonly head = new LogHead()
  readonly written: Written[] = []
  /** The latest time that a reader has taken for resolved: nothing may come at or below it. */
  concluded = at(0n)
  readonly #random = randomOf(7)
  #end = 0
  #ts = at(0n)

  publish(): void {
    const count = 1 + this.#random(3)
    for (let i = 0; i < count; i++) {
      const relid = this.#random(4)
      // Timestamps with the same wall time and another logical part, and the other way round.
      this.#ts =
        this.#random(2) === 0 ? at(this.#ts.wall, this.#ts.logical + 1) : at(this.#ts.wall + 1n, this.#random(3))
      assert.ok(
        compareHlc(this.#ts, this.concluded) > 0,
        `${this.#ts.wall}.${this.#ts.logical} comes after it was resolved`,
      )
      this.#end += 10
      this.written.push({ end: this.#end, ts: this.#ts, relid })
      this.head.wrote(this.#end, [relid], false)
    }
    this.head.publish(this.#end, this.#ts, 0n)
  }
}

/** A reader of table 0 that has seen everything before `position`: what it may conclude must be true of what is written. */
function look(writer: SteppedWriter, position: number): void {
  const { head, written } = writer
  const passed = head.passOver(position, new MarkedTables().of([0]))
  if (passed === undefined) return
  if (compareHlc(passed.resolved, writer.concluded) > 0) writer.concluded = passed.resolved
  for (const { end, ts, relid } of written) {
    if (relid === 0) assert.ok(end <= position || end > passed.head, `a block that ends at ${end} was passed over`)
    if (end > passed.head)
      assert.ok(compareHlc(ts, passed.resolved) > 0, `${ts.wall}.${ts.logical} came after it was resolved`)
  }
}

test('between any two writes of the writer, what a reader passes over holds nothing for it, and what is resolved is closed', (t) => {
  const writer = new SteppedWriter()
  const store = Atomics.store.bind(Atomics) as (words: never, at: number, value: never) => never
  let looks = 0
  const stores = t.mock.method(Atomics, 'store', (words: never, index: number, value: never) => {
    const stored = store(words, index, value)
    for (const { end } of writer.written.slice(-6)) {
      look(writer, end - 10)
      looks += 1
    }
    return stored
  })
  for (let i = 0; i < 300; i++) writer.publish()
  assert.ok(stores.mock.callCount() > 1000 && looks > 5000)
})

test('between any two reads of a reader the writer publishes, and the same is true', (t) => {
  for (let interrupted = 1; interrupted <= 6; interrupted++) {
    const writer = new SteppedWriter()
    const load = Atomics.load.bind(Atomics) as (words: never, index: number) => never
    let reads = 0
    let isInside = false
    const loads = t.mock.method(Atomics, 'load', (words: never, index: number) => {
      // Each look is interrupted before one of its reads.
      if (!isInside && ++reads === interrupted) {
        isInside = true
        writer.publish()
        isInside = false
      }
      return load(words, index)
    })
    for (let i = 0; i < 300; i++) {
      const position = writer.written.at(-1 - (i % 4))?.end ?? 0
      reads = 0
      look(writer, position)
      isInside = true
      writer.publish()
      isInside = false
    }
    loads.mock.restore()
  }
})

function at(wall: bigint, logical = 0): Hlc {
  return { wall, logical }
}
