// Takes readings of the catalogue: at once of the tables for which messages wait, all of them in one statement, and four times a second of
// the tables about which the catalogue says something new. Readings do not follow each other without a pause.

import type { Queries } from '../../postgres/queries.ts'
import { isLocked, signaturesSql, takeReading, type Reading } from './reading.ts'
import { RepeatedStatements } from './repeated-statements.ts'

const watchMs = 250
/** A source with thousands of tables is not asked all the time: the share of the time that the question may take. */
const watchShare = 0.05
/** One slow answer of a busy machine does not put off the next question for long. */
const mostWatchMs = 5000
/** The share of the time that readings may take while messages wait for one after the other. */
const readingShare = 0.25

export interface ReadingLoopOptions {
  readonly connection: Queries
  /** Composite types that rows may still have. */
  readonly types: () => readonly number[]
  readonly taken: (reading: Reading) => void
}

export class ReadingLoop {
  readonly #options: ReadingLoopOptions
  readonly #repeated: RepeatedStatements
  readonly #wanted = new Set<number>()
  #signatures = new Map<string, string | null>()
  /** Tables that were read since the last look at all: one that was made and dropped between two looks is in neither. */
  readonly #readSince = new Set<string>()
  #wake = Promise.withResolvers<void>()
  #looked: PromiseWithResolvers<void> | undefined
  #isOver = false
  #watchAtMs = 0
  #readAtMs = 0
  #version: number | undefined

  constructor(options: ReadingLoopOptions) {
    this.#options = options
    this.#repeated = new RepeatedStatements(options.connection)
  }

  /** Asks for a reading that begins after this call. */
  want(relids: readonly number[]): void {
    for (const relid of relids) this.#wanted.add(relid)
    this.#wake.resolve()
  }

  /** Settles when everything that is committed now has been looked at. */
  async look(): Promise<void> {
    if (this.#isOver) return
    this.#looked ??= Promise.withResolvers()
    this.#wake.resolve()
    await this.#looked.promise
  }

  /** Reads all tables of the publication, before anything else. */
  async begin(): Promise<void> {
    await this.#watch()
  }

  /** Rejects when the source is gone; settles after `stop`. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      await this.#pause()
      if (this.#isOver) return
      const { promise, resolve } = this.#looked ?? {}
      this.#looked = undefined
      if (promise === undefined && this.#wanted.size > 0) await this.#read()
      else await this.#watch()
      resolve?.()
    }
  }

  stop(): void {
    this.#isOver = true
    this.#wake.resolve()
    this.#looked?.resolve()
  }

  /** Waits until a reading is wanted and allowed, or until the tables must be looked at. */
  async #pause(): Promise<void> {
    const now = performance.now()
    if (this.#wanted.size === 0 && this.#looked === undefined) {
      this.#wake = Promise.withResolvers()
      const timer = setTimeout(this.#wake.resolve, Math.max(0, this.#watchAtMs - now))
      await this.#wake.promise
      clearTimeout(timer)
    }
    const tooEarlyMs = this.#readAtMs - performance.now()
    if (this.#wanted.size > 0 && tooEarlyMs > 0) await new Promise((resolve) => setTimeout(resolve, tooEarlyMs))
  }

  async #read(): Promise<Reading> {
    const relids = [...this.#wanted]
    for (const relid of relids) this.#readSince.add(String(relid))
    this.#wanted.clear()
    const startedAt = performance.now()
    const { types } = this.#options
    const reading = await takeReading(this.#repeated, {
      version: await this.#versionNumber(),
      asked: relids,
      types: types(),
    })
    const endedAt = performance.now()
    this.#readAtMs = endedAt + (endedAt - startedAt) * (1 / readingShare - 1)
    this.#options.taken(reading)
    return reading
  }

  async #versionNumber(): Promise<number> {
    this.#version ??= Number((await this.#options.connection.query('SHOW server_version_num'))[0]?.[0])
    return this.#version
  }

  async #watch(): Promise<void> {
    const startedAt = performance.now()
    const rows = await this.#repeated.query([signaturesSql(await this.#versionNumber())])
    const before = this.#signatures
    this.#signatures = new Map(rows.map(([relid, signature]) => [relid ?? '', signature ?? null]))
    const tables = new Set([...before.keys(), ...this.#signatures.keys()])
    for (const relid of this.#readSince) if (!this.#signatures.has(relid)) this.#wanted.add(Number(relid))
    const areTypesNew = before.get('0') !== this.#signatures.get('0')
    tables.delete('0')
    for (const relid of tables)
      if (areTypesNew || before.get(relid) !== this.#signatures.get(relid)) this.#wanted.add(Number(relid))
    const took = performance.now() - startedAt
    this.#watchAtMs = startedAt + Math.min(mostWatchMs, Math.max(watchMs, took / watchShare))
    // Also without tables: the reading says which transactions have ended.
    const reading = await this.#read()
    this.#readSince.clear()
    // It proves nothing of a table that was locked, whose change would be forgotten: the next look asks for it again.
    for (const relid of reading.asked) if (isLocked(reading, relid)) this.#signatures.set(String(relid), 'locked')
  }
}
