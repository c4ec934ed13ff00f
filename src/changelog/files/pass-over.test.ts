// Readers that pass over what is not theirs get all of what is, whatever happens to the log meanwhile.

import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { compareHlc, zeroHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { LogReader } from '../changelog.ts'
import { Log, randomOf, texts } from '../../../test/support/log-under-test.ts'
import { openFiles } from './open-files.ts'
import { openWriter } from './open-writer.ts'
import { LogHead } from './log-head.ts'
import { applyRetention } from './retention.ts'

const tables = 6
/** So that a transaction of a few rows is cut into several blocks. */
const large = 'f'.repeat(90_000)

interface Row {
  readonly relid: number
  readonly text: string
  readonly ts: Hlc
}

/** A log with a random history, and what is true of it. */
class RandomLog {
  readonly log = new Log(3000)
  readonly random: (below: number) => number
  /** The rows that are durable. */
  readonly rows: Row[] = []
  readonly news: string[] = []
  #waitingRows: Row[] = []
  #waitingNews: string[] = []
  #count = 0
  restarts = 0

  constructor(seed: number) {
    this.random = randomOf(seed)
  }

  async step(): Promise<void> {
    const { log, random } = this
    switch (random(14)) {
      case 0:
        log.writer.closed({ wall: (log.wall += 10n), logical: random(3) }, log.writer.endLsn)
        return
      case 1:
        this.#describe()
        return
      case 2:
        this.#repeatRelation()
        return
      case 3: {
        const relid = random(tables)
        log.begin()
        log.writer.truncate([relid], Buffer.from([0x54, 0, 0, 0, 1, 0, 0, 0, 0, relid]), 0, 10)
        log.writer.commit(log.lsn + 5n)
        return
      }
      case 4:
        if (random(6) === 0) await this.#crash()
        return
      case 5:
        applyRetention(log.dir, log.head, Date.now(), { retentionMs: 1e9, maxBytes: 60_000, pins: [] })
        return
      case 6:
        if (random(3) === 0) this.#transaction(4, large)
        return
      case 7:
      case 8:
      case 9:
        await log.writer.flush()
        this.#flushed()
        return
      default:
        this.#transaction(1 + random(2), '')
    }
  }

  #transaction(rows: number, filler: string): void {
    const { log, random } = this
    const ts = log.begin()
    for (let i = 0; i < rows; i++) {
      const relid = random(tables)
      const text = `${++this.#count}:${filler}`
      log.insert(relid, text)
      this.#waitingRows.push({ relid, text, ts })
    }
    log.writer.commit(log.lsn + 5n)
  }

  #describe(): void {
    const json = `{"relid":${this.random(tables)},"version":${++this.#count}}`
    this.log.begin()
    this.log.writer.schema(this.random(tables), Buffer.from(json), false)
    this.log.writer.commit(this.log.lsn + 5n)
    this.#waitingNews.push(json)
  }

  #repeatRelation(): void {
    const relation = Buffer.from([0x52, 0, 0, 0, this.random(tables), 0])
    this.log.begin()
    this.log.writer.relation(relation.readUInt32BE(1), relation, 0, relation.length)
    this.log.writer.commit(this.log.lsn + 5n)
  }

  #flushed(): void {
    this.rows.push(...this.#waitingRows.splice(0))
    this.news.push(...this.#waitingNews.splice(0))
  }

  /** What was not durable is gone; sometimes the whole server is restarted, and nothing is left of the shared memory. */
  async #crash(): Promise<void> {
    const { log } = this
    this.#waitingRows = []
    this.#waitingNews = []
    await log.writer.close()
    if (this.random(3) === 0) {
      Object.assign(log, { head: new LogHead() })
      this.restarts += 1
    }
    log.writer = openWriter(log.dir, log.head).writer as typeof log.writer
  }
}

/** A feed of some tables, as far as the log is concerned. */
class Follower implements Disposable {
  readonly #of: RandomLog
  readonly #tables: number[]
  readonly rows: string[] = []
  readonly news: string[] = []
  #reader: LogReader
  #resolved: Hlc
  #restarts: number
  readonly #firstRow: number
  readonly #firstNews: number
  passed = 0
  isBehind = false

  constructor(of: RandomLog, followed: number[]) {
    this.#of = of
    this.#tables = followed
    this.#resolved = of.rows.at(-1)?.ts ?? zeroHlc
    this.#firstRow = of.rows.length
    this.#firstNews = of.news.length
    this.#restarts = of.restarts
    const { log } = of
    this.#reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(log.head.head)
  }

  /** Reads a few blocks, or to the head. */
  read(most: number): void {
    if (this.isBehind) return
    if (this.#of.restarts !== this.#restarts) return this.#restart()
    try {
      for (let i = 0; i < most; i++) if (!this.#readOne()) return
    } catch (error) {
      if (!(error instanceof FeedError) || error.code !== 'FEED_FELL_BEHIND') throw error
      this.isBehind = true
    }
  }

  #readOne(): boolean {
    const resolved = this.#reader.passOver(this.#tables)
    if (resolved !== undefined) {
      this.passed += 1
      this.#closed(resolved)
    }
    const block = this.#reader.next()
    if (block === undefined) {
      this.assertComplete()
      return false
    }
    if (block.hasSchema || this.#tables.some((relid) => block.mentions(relid))) this.#take(block.payload())
    this.#closed(block.resolved)
    return true
  }

  #take(payload: Buffer): void {
    const wanted = new Set(this.expected)
    const got = texts(payload).filter((text) => wanted.has(text))
    for (const text of got) if (!this.rows.includes(text)) this.rows.push(text)
    for (const json of this.#of.news.slice(this.#firstNews))
      if (payload.includes(json) && !this.news.includes(json)) this.news.push(json)
  }

  /** All rows of the feed at or below a resolved timestamp have come. */
  #closed(resolved: Hlc): void {
    if (compareHlc(resolved, this.#resolved) > 0) this.#resolved = resolved
    const due = this.#rowsOfFeed().filter(({ ts }) => compareHlc(ts, this.#resolved) <= 0)
    assert.deepEqual(
      this.rows.slice(0, due.length),
      due.map(({ text }) => text),
    )
  }

  assertComplete(): void {
    assert.deepEqual(this.rows, this.expected)
    assert.deepEqual(this.news, this.#of.news.slice(this.#firstNews))
  }

  get expected(): string[] {
    return this.#rowsOfFeed().map(({ text }) => text)
  }

  #rowsOfFeed(): Row[] {
    return this.#of.rows.slice(this.#firstRow).filter(({ relid }) => this.#tables.includes(relid))
  }

  /** Goes on from what it has resolved, with the memory of the new server. */
  #restart(): void {
    this.#reader[Symbol.dispose]()
    this.#restarts = this.#of.restarts
    const { log } = this.#of
    const changelog = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared })
    if (changelog.startOf(this.#resolved) === undefined) this.isBehind = true
    this.#reader = this.isBehind ? changelog.readFrom(log.head.head) : changelog.readAfter(this.#resolved)
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]()
  }
}

test('readers that pass over blocks get every row of their tables, in order, and every description', async () => {
  const seeds = Number(process.env['CRASH_SEEDS'] ?? 0) * 5 || 12
  let passed = 0
  let rows = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const of = new RandomLog(seed)
    await using _log = of.log
    await of.log.writer.flush()
    const followers: Follower[] = []
    for (let i = 0; i < 300; i++) {
      await of.step()
      if (followers.length < 8 && of.random(20) === 0)
        followers.push(new Follower(of, [...new Set([of.random(tables), of.random(tables)])]))
      for (const follower of followers) {
        // Some are at the head nearly always, some seldom.
        const pace = of.random(4)
        if (pace === 0) follower.read(1)
        else if (pace === 1) follower.read(Number.POSITIVE_INFINITY)
      }
    }
    for (const follower of followers) {
      follower.read(Number.POSITIVE_INFINITY)
      passed += follower.passed
      rows += follower.rows.length
      follower[Symbol.dispose]()
    }
  }
  assert.ok(passed > seeds * 50 && rows > seeds * 50, `${passed} passed over, ${rows} rows`)
})

test(
  'a reader does not keep the file of a segment open that it has passed',
  { skip: process.platform !== 'linux' },
  async () => {
    await using log = new Log(3000)
    await log.writer.flush()
    using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(log.head.head)
    while (reader.next() !== undefined);
    const openFilesOfReader = (): string[] =>
      readdirSync('/proc/self/fd')
        .map((fd) => linkOf(`/proc/self/fd/${fd}`))
        .filter((path) => path.startsWith(log.dir))
    assert.equal(openFilesOfReader().length, 2)
    for (let i = 0; i < 20; i++) {
      log.transaction(1, ['a'.repeat(1000)])
      await log.writer.flush()
    }
    assert.notEqual(reader.passOver([2]), undefined)
    // Only the writer's.
    assert.equal(openFilesOfReader().length, 1)
    log.transaction(2, ['b'])
    await log.writer.flush()
    assert.equal(reader.passOver([2]), undefined)
    const found = []
    for (let block = reader.next(); block !== undefined; block = reader.next()) found.push(...texts(block.payload()))
    assert.deepEqual(found, ['b'])
  },
)

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // The folder itself, which was open while it was listed.
    return ''
  }
}

test('a reader passes over nothing before it has read what was known where it begins', async () => {
  await using log = new Log(1000)
  log.writer.schema(1, Buffer.from('{"relid":1}'), false)
  for (let i = 0; i < 5; i++) {
    log.transaction(1, ['a'.repeat(800)])
    await log.writer.flush()
  }
  const changelog = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared })
  // It begins in a segment in which nothing is described but by its first block.
  using reader = changelog.readFrom(log.head.head)
  log.transaction(2, ['b'])
  await log.writer.flush()
  assert.equal(reader.passOver([3]), undefined)
  assert.equal(reader.next()?.hasSchema, true)
  assert.notEqual(reader.passOver([3]), undefined)
})

test('a reader that passes over what follows a large row gives the memory of the row back', async () => {
  await using log = new Log()
  await log.writer.flush()
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(log.head.head)
  while (reader.next() !== undefined);
  const large = 'f'.repeat(6_000_000)
  log.transaction(1, [large])
  await log.writer.flush()
  const payload = reader.next()?.payload()
  assert.ok(payload !== undefined && payload.length > large.length)
  log.transaction(2, ['b'])
  await log.writer.flush()
  assert.notEqual(reader.passOver([1]), undefined)
  assert.equal(payload.length, 0)
  // It can still read.
  log.transaction(1, ['c'])
  await log.writer.flush()
  assert.deepEqual(texts(reader.next()?.payload() ?? payload), ['c'])
})

test('the layout of a table concerns every reader once; repeated, it concerns those of the table', async () => {
  await using log = new Log()
  await log.writer.flush()
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(log.head.head)
  const layOut = async (layout: number): Promise<void> => {
    log.begin()
    log.writer.relation(2, Buffer.of(0x52, 0, 0, 0, 2, layout), 0, 6)
    log.writer.commit(log.lsn + 5n)
    await log.writer.flush()
  }
  const toHead = (): void => {
    while (reader.next() !== undefined);
  }
  await layOut(1)
  toHead()
  await layOut(1)
  assert.equal(reader.passOver([2]), undefined)
  assert.notEqual(reader.passOver([1]), undefined)
  await layOut(2)
  assert.equal(reader.passOver([1]), undefined)
})
