// The sources: each database that changefeeds have read has a changelog of its own and an ingest thread that fills it. A
// source begins with the first changefeed of its database and continues, also over restarts, so that a later cursor finds
// its changes in the log. It ends when no table of the database is watched any more.

import { hasOurTablesSql } from '../../source-schema/ownership.ts'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { maxLogical, zeroHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { IngestSettings } from '../../ingest/ingest.ts'
import type { Backend } from '../../postgres/backend.ts'
import { queryOnce } from '../../postgres/raw-connection.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import type { SettingsStore } from '../../settings/store.ts'
import { openSource, type Source } from './open-source.ts'
import { removeRetired, retiredLogs, retireLog } from './retired-log.ts'
import { sourceReady, type ReadyOptions } from './source-ready.ts'
import { TableUses } from './table-uses.ts'

/** After this time a DROP DATABASE is done, or has failed. */
const letGoMs = 10_000

/** A source that is needed until `free` is called. */
export interface SourceUse {
  readonly source: Source
  readonly free: () => void
}

export interface SourcesOptions {
  /** The folder of all changelogs. */
  readonly dir: string
  readonly backend: Pick<Backend, 'source' | 'systemDatabase' | 'failure'>
  readonly settings: SettingsStore
  readonly log: Logger
}

export class Sources {
  readonly #options: SourcesOptions
  /** The sources by the oid of the database, so that a renamed database keeps its log. */
  readonly #sources = new Map<string, Source>()
  readonly #uses = new Map<string, TableUses>()
  /** Sources that are ending. A changefeed that needs such a source waits until it has ended. */
  readonly #retiring = new Map<string, Promise<boolean>>()
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
    for (;;) {
      const retiring = this.#retiring.get(oid)
      if (retiring === undefined) break
      await retiring
    }
    const source = this.#sources.get(oid) ?? this.#open(oid, database)
    const free = source.uses.hold(relids)
    try {
      await sourceReady(source.ingest, options)
    } catch (error) {
      free()
      if (options.signal?.aborted !== true) await this.#letGoOfFailed(source)
      throw error
    }
    return { source, free }
  }

  /** Retires a source that never began and is not needed: it would be tried again for ever. */
  async #letGoOfFailed(source: Source): Promise<void> {
    if (!source.uses.isEmpty || source.log.status.endLsn !== 0n || this.of(source.connection.database) !== source)
      return
    await this.retire(source).catch((error: unknown) => {
      const { database } = source.connection
      this.#options.log.debug({ database, error: String(error) }, 'a source that failed could not be let go')
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
    const retiring = this.#retire(oid, source)
    this.#retiring.set(oid, retiring)
    try {
      return await retiring
    } finally {
      this.#retiring.delete(oid)
    }
  }

  async #retire(oid: string, { connection, ingest }: Source): Promise<boolean> {
    // The question is asked now, when nobody can begin to watch a table.
    const isOurs = (await this.#ask(connection.database, `SELECT ${hasOurTablesSql}`)) === 't'
    if (isOurs) {
      const watched = await this.#ask(connection.database, 'SELECT EXISTS (SELECT FROM changefeed.watched)')
      if (watched !== 'f') return false
    }
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
      setTimeout(() => this.#removeRetiredAgain(oid), letGoMs).unref()
    }
  }

  #removeRetiredAgain(oid: string): void {
    if (this.#isClosed || this.#retiring.has(oid)) return
    const removing = this.#removeRetired(oid).then(() => true)
    this.#retiring.set(oid, removing)
    void removing.finally(() => this.#retiring.delete(oid))
  }

  /**
   * Disconnects from a database that is to be dropped, renamed or copied. If the database still exists a little later, its
   * log continues, under the name that the database then has.
   */
  async letGo(database: string): Promise<void> {
    const found = [...this.#sources].find(([, { connection }]) => connection.database === database)
    if (found === undefined) return
    const [oid, { ingest }] = found
    this.#sources.delete(oid)
    await ingest.stop()
    const look = async (): Promise<void> => {
      if (this.#isClosed || this.#sources.has(oid)) return
      const name = await this.#nameOf(oid)
      if (name === undefined) rmSync(this.#dirOf(oid), { recursive: true, force: true })
      else this.#open(oid, name)
    }
    const lookSoon = (): void => {
      setTimeout(() => {
        look().catch((error: unknown) => {
          this.#options.log.warn(
            { database, error: String(error) },
            'it is not known yet whether the database was dropped',
          )
          lookSoon()
        })
      }, letGoMs).unref()
    }
    lookSoon()
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
    const opened = openSource({
      dir: this.#dirOf(oid),
      connection,
      settings: this.#ingestSettings(),
      uses,
      log,
      backend,
    })
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
    return this.#ask(this.#options.backend.systemDatabase, `SELECT datname FROM pg_database WHERE oid = ${oid}`)
  }

  #connectionTo(database: string): SourceConnection {
    return { ...this.#options.backend.source, database }
  }

  async #ask(database: string, sql: string): Promise<string | undefined> {
    return (await queryOnce(this.#connectionTo(database), sql))[0]?.[0] ?? undefined
  }
}
