// The source databases that changefeeds have read: each has a changelog of its own and an ingest thread that fills it.
// A source begins with the first changefeed of its database and goes on, also over restarts, so that a later cursor finds
// the log; it ends when no table of the database is watched any more.

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

/** DROP DATABASE is done by then, or has failed. */
const letGoMs = 10_000

/** A source that is needed until `free` is called. */
export interface SourceUse {
  readonly source: Source
  readonly free: () => void
}

export interface SourcesOptions {
  /** Folder of all changelogs. */
  readonly dir: string
  readonly backend: Pick<Backend, 'source' | 'systemDatabase' | 'failure'>
  readonly settings: SettingsStore
  readonly log: Logger
}

export class Sources {
  readonly #options: SourcesOptions
  /** By database oid: a renamed database keeps its log. */
  readonly #sources = new Map<string, Source>()
  readonly #uses = new Map<string, TableUses>()
  /** Sources that are ending: who needs one again waits until it has ended. */
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

  /** At or after the last timestamp that anybody can have seen of a database. */
  lastTime(database: string): Hlc {
    const found = this.of(database)
    return found === undefined ? zeroHlc : { wall: found.log.status.resolvedWall, logical: maxLogical }
  }

  /**
   * The source of a database, reading its slot; made when it is the first time. From here on these tables are needed, so
   * that they are not given back.
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

  /** What never began and is needed by nobody would be tried again for ever. */
  async #letGoOfFailed(source: Source): Promise<void> {
    if (!source.uses.isEmpty || source.log.status.endLsn !== 0n || this.of(source.connection.database) !== source)
      return
    await this.retire(source).catch((error: unknown) => {
      const { database } = source.connection
      this.#options.log.debug({ database, error: String(error) }, 'a source that failed could not be let go')
    })
  }

  /** The source of a database, if it has one. */
  of(database: string): Source | undefined {
    return this.all.find(({ connection }) => connection.database === database)
  }

  /**
   * Ends a source of which no table is watched or needed any more: its slot, its log, and what is in the database go. The
   * log's folder gets another name first, so that a start after a crash goes on here. False: it is needed.
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
    // Asked now that nobody can begin to watch one.
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
      // Until then its slot holds back WAL.
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
   * Lets go of a database that is to be dropped, renamed or copied: nothing is connected to it. If it is still there a
   * little later, its log goes on, under the name that it has then.
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

  /** The log of a database is in the folder of this name. */
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

  /** Undefined: the database does not exist any more. */
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
