// Keeps one point every ten seconds of each series for the graphs of the console, in a folder of the store:
//
//   <hour>.journal   the points of the present hour, appended as they come (journal.ts)
//   <hour>.points    those of an hour that is over (block.ts)
//
// Space: so many hours are kept in which the server ran, and no more than so many bytes; the oldest go first. The clock is not asked what
// is old, so a clock that jumps forward removes nothing. A clock that jumps back writes into an hour that exists already.
// Trouble: points that the disk does not take are missing after a restart, and an hour that cannot be read is missing in the graphs.
// The server continues, and says so once.

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Serial } from '../../async/serial.ts'
import type { SeriesAnswer, SeriesQuery } from '../../core/series.ts'
import { BlockReader } from './block-reader.ts'
import { readBlock, writeBlock } from './block.ts'
import { Hour, maxSeries, type Values } from './hour.ts'
import { Journal, readJournal } from './journal.ts'
import { Answer } from './point-query.ts'
import { hourMs, readKey, slotMs } from './series-key.ts'

/** Eight days. */
const defaultHours = 8 * 24
const defaultBytes = 1024 * 1024 * 1024
/** Others get a turn after so long. */
const mostMs = 10

export interface MetricPointsOptions {
  readonly dir: string
  readonly warn: (text: string) => void
  readonly keptHours?: number
  readonly keptBytes?: number
}

export class MetricPoints {
  readonly #options: MetricPointsOptions
  #journal: Journal | undefined
  /** Hours that are over and are being written. */
  readonly #ending = new Map<number, Hour>()
  readonly #writes = new Serial()
  readonly #questions = new Serial()
  readonly #blocks = new BlockReader()
  /** What was said already. */
  readonly #said = new Set<'write' | 'read' | 'full'>()

  constructor(options: MetricPointsOptions) {
    this.#options = options
    this.#try('the folder of the graphs cannot be used', () => {
      this.#makeFolder()
      for (const name of readdirSync(options.dir)) if (name.endsWith('.new')) rmSync(join(options.dir, name))
    })
  }

  /** Keeps the values of the ten seconds around `nowMs`. */
  record(nowMs: number, values: Values): void {
    const hour = Math.floor(nowMs / hourMs)
    const slot = Math.floor((nowMs - hour * hourMs) / slotMs)
    this.#try('points of the graphs cannot be written', () => {
      if (this.#journal?.hour.number !== hour) this.#begin(hour)
      // A clock that jumps to and fro meets an hour that is just being written: these points are not kept.
      if (this.#journal === undefined) return
      this.#journal.append(slot, values)
      this.#said.delete('write')
    })
    if (this.#journal?.hour.isFull === true)
      this.#say('full', `there are more than ${maxSeries} series an hour: graphs have points of the first ones only`)
  }

  /** One question is answered at a time, so that the memory is bounded. Who has gone by the time of the turn is not answered. */
  query(query: SeriesQuery, signal?: AbortSignal): Promise<SeriesAnswer> {
    return this.#questions.run(async () => {
      const answer = new Answer(query)
      const take = (hour: number, key: string, decode: () => Float64Array): void => {
        const read = readKey(key)
        if (read !== undefined && answer.takes(read)) answer.add(read.id, decode(), hour * hourMs)
      }
      const last = Math.floor((query.toMs - 1) / hourMs)
      let turnedAtMs = performance.now()
      for (const hour of this.#hours()) {
        if (hour < Math.floor(answer.firstMs / hourMs) || hour > last) continue
        signal?.throwIfAborted()
        await this.#read(hour, query.name, take).catch((error: unknown) =>
          this.#say('read', `an hour of the graphs cannot be read: ${reasonOf(error)}`),
        )
        if (performance.now() - turnedAtMs < mostMs) continue
        await turn()
        turnedAtMs = performance.now()
      }
      return answer.result
    })
  }

  /** Settles when the hours that are over are written. */
  idle(): Promise<void> {
    return this.#writes.idle()
  }

  /** Settles when everything is written. The present hour stays in its journal. */
  async close(): Promise<void> {
    await this.idle()
    this.#journal?.close()
    this.#journal = undefined
  }

  async #read(
    hour: number,
    name: string,
    take: (hour: number, key: string, decode: () => Float64Array) => void,
  ): Promise<void> {
    const inMemory = this.#journal?.hour.number === hour ? this.#journal.hour : this.#ending.get(hour)
    const journal = inMemory ?? this.#journalOf(hour)
    if (journal !== undefined) for (const [key, values] of journal.series) take(hour, key, () => values)
    await this.#blocks
      .read(this.#path(hour, 'points'), name, (key, decode) => {
        // Only of a clock that was set back there are both.
        const newer = journal?.series.get(key)
        if (newer === undefined) take(hour, key, decode)
        else take(hour, key, () => decode().map((value, i) => (Number.isNaN(newer[i]) ? value : NaN)))
      })
      .catch(ignoreMissing)
  }

  /** An hour whose journal could not be made a block yet. */
  #journalOf(hour: number): Hour | undefined {
    try {
      return readJournal(this.#path(hour, 'journal'), hour).hour
    } catch {
      return undefined
    }
  }

  #makeFolder(): void {
    mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 })
  }

  #begin(hour: number): void {
    // Somebody may have removed it.
    this.#makeFolder()
    const before = this.#journal
    this.#journal = undefined
    before?.close()
    if (before !== undefined) this.#ending.set(before.hour.number, before.hour)
    if (!this.#ending.has(hour)) this.#journal = new Journal(this.#path(hour, 'journal'), hour)
    void this.#writes.run(() => this.#writeOld())
  }

  /** Makes blocks of the journals of all hours but the present one, and removes what is too much. */
  async #writeOld(): Promise<void> {
    for (const [hour, kind] of this.#files()) {
      // The present hour may be another one than when this was begun.
      if (kind !== 'journal' || hour === this.#journal?.hour.number) continue
      await this.#end(hour).catch((error: unknown) =>
        this.#say('write', `an hour of the graphs cannot be written yet: ${reasonOf(error)}`),
      )
    }
    this.#removeOldest()
  }

  async #end(hour: number): Promise<void> {
    const ended = this.#ending.get(hour) ?? readJournal(this.#path(hour, 'journal'), hour).hour
    // While it is here, a clock that jumps back opens no journal of this hour.
    this.#ending.set(hour, ended)
    try {
      const path = this.#path(hour, 'points')
      await readBlock(path, (key, decode) => ended.addMissing(key, decode())).catch(ignoreMissing)
      if (ended.series.size > 0) await writeBlock(path, ended)
      this.#blocks.forget(path)
      await rm(this.#path(hour, 'journal'), { force: true })
    } finally {
      this.#ending.delete(hour)
    }
  }

  #removeOldest(): void {
    const { keptHours = defaultHours, keptBytes = defaultBytes } = this.#options
    const files = this.#files().filter(([hour]) => hour !== this.#journal?.hour.number)
    let bytes = 0
    for (const [at, [hour, kind]] of files.toReversed().entries())
      this.#try('old hours of the graphs cannot be removed', () => {
        const path = this.#path(hour, kind)
        bytes += statSync(path).size
        if (at < keptHours - 1 && bytes <= keptBytes) return
        rmSync(path, { force: true })
        this.#blocks.forget(path)
      })
  }

  #hours(): readonly number[] {
    const kept = this.#files().map(([hour]) => hour)
    const present = this.#journal?.hour.number
    return [...new Set([...kept, ...this.#ending.keys(), ...(present === undefined ? [] : [present])])].sort(
      (a, b) => a - b,
    )
  }

  /** In the order of their hours. */
  #files(): (readonly [hour: number, kind: 'journal' | 'points'])[] {
    let names: string[] = []
    try {
      names = readdirSync(this.#options.dir)
    } catch {
      // The folder could not be made: there is nothing.
    }
    return names
      .flatMap((name) => {
        const [, hour, kind] = /^(\d+)\.(journal|points)$/.exec(name) ?? []
        return hour === undefined ? [] : [[Number(hour), kind as 'journal' | 'points'] as const]
      })
      .sort(([a], [b]) => a - b)
  }

  #path(hour: number, kind: 'journal' | 'points'): string {
    return join(this.#options.dir, `${hour}.${kind}`)
  }

  #try(what: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#say('write', `${what}: ${reasonOf(error)}`)
    }
  }

  #say(kind: 'write' | 'read' | 'full', text: string): void {
    if (this.#said.has(kind)) return
    this.#said.add(kind)
    this.#options.warn(text)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
