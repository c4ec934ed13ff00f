// The sources: each database that changefeeds have read has a changelog of its own and an ingest thread that fills it. A
// source begins with the first changefeed of its database and continues, also over restarts, so that a later cursor finds
// its changes in the log. It ends when no table of the database is watched any more.

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { maxLogical, zeroHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { IngestSettings } from '../../ingest/ingest.ts'
import type { Backend } from '../../postgres/backend.ts'
import { queryOnce } from '../../postgres/raw-connection.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import type { SettingsStore } from '../../settings/store.ts'
import { hasOurTablesSql } from '../../source-schema/ownership.ts'
import { openSource, type Source } from './open-source.ts'
import { removeRetired, retiredLogs, retireLog } from './retired-log.ts'
import { sourceReady, type ReadyOptions } from './source-ready.ts'
import { TableUses } from './table-uses.ts'

/** The time after which a database is checked again; a DROP DATABASE has ended by then. */
const recheckMs = 10_000

/** A source that is needed until `free` is called. */
export interface SourceUse {
  readonly source: Source
  readonly free: () => void
}

export interface SourcesOptions {
  /** The folder of all changelogs. */
  readonly dir: string
  readonly backend: Pick<Backend, 'source' | 'homeDatabase' | 'failure'>
  readonly settings: SettingsStore
  readonly log: Logger
}

export class Sources {
  readonly #options: SourcesOptions
  /** The sources by the oid of the database, so that a renamed database keeps its log. */
  readonly #sources = new Map<string, Source>()
  readonly #uses = new Map<string, TableUses>()
  /** The sources that are ending, by oid. A changefeed that needs such a source waits until it has ended. */
  readonly #ending = new Map<string, Promise<unknown>>()
  readonly #unsubscribe: () => void
  #isClosed = false

  constructor(options: SourcesOptions) {
    this.#options = options
    mkdirSync(options.dir, { recursive: true, mode: 0o700 })
    this.#unsubscribe = options.settings.onChange(() => {
      for (const { ingest } of this.#sources.values()) ingest.settings = this.#ingestSettings()
    })
  }

  get all(): readonly Source[] {
    return [...this.#sources.values()]
  }

  /** Starts ingest for every database that has a changelog. */
  async resume(): Promise<void> {
    for (const oid of retiredLogs(this.#options.dir)) await this.#removeRetired(oid)
    for (const oid of readdirSync(this.#options.dir)) {
      if (!/^\d+$/.test(oid)) continue
      const name = await this.#nameOf(oid)
      if (name === undefined)
        this.#options.log.warn({ oid }, 'a changelog is left of a database that does not exist any more')
      else this.#open(oid, name)
    }
  }

  /** Returns a timestamp at or after the last one that a client can have seen of a database. */
  lastTime(database: string): Hlc {
    const found = this.of(database)
    return found === undefined ? zeroHlc : { wall: found.log.status.resolvedWall, logical: maxLogical }
  }

  /**
   * Returns the source of a database as soon as it reads its slot; the first use makes the source. Until `free` is called,
   * the tables are needed and not given back.
   */
  async use(database: string, relids: readonly number[], options: ReadyOptions): Promise<SourceUse> {
    const oid = await this.#ask(database, 'SELECT oid::text FROM pg_database WHERE datname = current_database()')
    if (oid === undefined) throw new FeedError('FEED_NO_DATABASE', `database "${database}" does not exist`)
    while (this.#ending.has(oid)) await this.#ending.get(oid)
    const source = this.#sources.get(oid) ?? this.#open(oid, database)
    const free = source.uses.hold(relids)
    try {
      await sourceReady(source.ingest, options)
    } catch (error) {
      free()
      if (options.signal?.aborted !== true) await this.#retireFailed(source)
      throw error
    }
    return { source, free }
  }

  /** Retires a source that never began and is not needed: it would be tried again for ever. */
  async #retireFailed(source: Source): Promise<void> {
    if (!source.uses.isEmpty || source.log.status.endLsn !== 0n || this.of(source.connection.database) !== source)
      return
    await this.retire(source).catch((error: unknown) => {
      const { database } = source.connection
      this.#options.log.debug({ database, error: String(error) }, 'a source that failed could not be retired')
    })
  }

  /** Returns the source of a database, if there is one. */
  of(database: string): Source | undefined {
    return this.all.find(({ connection }) => connection.database === database)
  }

  /**
   * Ends a source of which no table is watched or needed any more: removes its slot, its log, and our objects in the database.
   * After a crash in between, the next start continues (retired-log.ts). Returns false if the source is needed.
   */
  async retire(source: Source): Promise<boolean> {
    const oid = [...this.#sources].find(([, other]) => other === source)?.[0]
    if (oid === undefined || !source.uses.isEmpty || this.#isClosed) return false
    return this.#whileEnding(oid, this.#retire(oid, source))
  }

  /** Keeps `use` from opening the source before `work` has settled. */
  async #whileEnding<T>(oid: string, work: Promise<T>): Promise<T> {
    this.#ending.set(oid, work)
    try {
      return await work
    } finally {
      this.#ending.delete(oid)
    }
  }

  async #retire(oid: string, { connection, ingest }: Source): Promise<boolean> {
    // The question is asked now, when no changefeed can begin to watch a table.
    const isOurs = (await this.#ask(connection.database, `SELECT ${hasOurTablesSql}`)) === 't'
    const watchedSql = 'SELECT EXISTS (SELECT FROM changefeed.watched)'
    if (isOurs && (await this.#ask(connection.database, watchedSql)) !== 'f') return false
    this.#sources.delete(oid)
    await ingest.stop()
    retireLog(this.#dirOf(oid))
    await this.#removeRetired(oid)
    return true
  }

  async #removeRetired(oid: string): Promise<void> {
    const { dir: root, log } = this.#options
    try {
      const name = await this.#nameOf(oid)
      const database = name === undefined ? undefined : this.#connectionTo(name)
      if (await removeRetired({ root, oid, database }))
        log.info(
          { database: name },
          'no table of the database is watched any more: its slot and its changelog are gone',
        )
    } catch (error) {
      log.warn({ oid, error: String(error) }, 'a changelog that nobody needs could not be removed yet')
      // The slot holds back WAL until the source is removed.
      setTimeout(() => {
        if (!this.#isClosed && !this.#ending.has(oid)) void this.#whileEnding(oid, this.#removeRetired(oid))
      }, recheckMs).unref()
    }
  }

  /**
   * Disconnects from a database that is to be dropped, renamed or copied. If the database still exists a little later, its
   * log continues, under the name that the database then has.
   */
  async disconnect(database: string): Promise<void> {
    const found = [...this.#sources].find(([, { connection }]) => connection.database === database)
    if (found === undefined) return
    const [oid, { ingest }] = found
    this.#sources.delete(oid)
    await this.#whileEnding(oid, ingest.stop())
    void this.#reopenSoon(oid, database)
  }

  async #reopenSoon(oid: string, database: string): Promise<void> {
    await delay(recheckMs, undefined, { ref: false })
    if (this.#isClosed) return
    try {
      const name = await this.#nameOf(oid)
      // A changefeed may have opened the source meanwhile, and a log must not have two writers.
      if (this.#isClosed || this.#sources.has(oid)) return
      if (name === undefined) rmSync(this.#dirOf(oid), { recursive: true, force: true })
      else this.#open(oid, name)
    } catch (error) {
      const { log } = this.#options
      log.warn({ database, error: String(error) }, 'it is not known yet whether the database was dropped')
      void this.#reopenSoon(oid, database)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#unsubscribe()
    await Promise.all([...this.#sources.values()].map(({ ingest }) => ingest.stop()))
  }

  #open(oid: string, database: string): Source {
    const { backend, log } = this.#options
    let uses = this.#uses.get(oid)
    if (uses === undefined) this.#uses.set(oid, (uses = new TableUses()))
    const connection = this.#connectionTo(database)
    const settings = this.#ingestSettings()
    const opened = openSource({ dir: this.#dirOf(oid), connection, settings, uses, log, backend })
    this.#sources.set(oid, opened)
    return opened
  }

  /** Returns the folder of the log of a database. */
  #dirOf(oid: string): string {
    return join(this.#options.dir, oid)
  }

  #ingestSettings(): IngestSettings {
    const { settings } = this.#options
    return {
      closedTargetMs: settings.get('kv.closed_timestamp.target_duration'),
      retentionMs: settings.get('changefeed.changelog.retention'),
      maxLogBytes: settings.get('changefeed.changelog.max_size'),
    }
  }

  /** Returns the name of a database; undefined: it does not exist any more. */
  #nameOf(oid: string): Promise<string | undefined> {
    return this.#ask(this.#options.backend.homeDatabase, `SELECT datname FROM pg_database WHERE oid = ${oid}`)
  }

  #connectionTo(database: string): SourceConnection {
    return { ...this.#options.backend.source, database }
  }

  async #ask(database: string, sql: string): Promise<string | undefined> {
    return (await queryOnce(this.#connectionTo(database), sql))[0]?.[0] ?? undefined
  }
}
