// The source databases that changefeeds have read: each has a changelog of its own and an ingest thread that fills it.
// A source begins with the first changefeed of its database and then goes on for good, also over restarts, so that a
// later cursor finds the log.

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Changelog } from '../changelog/changelog.ts'
import { LogHead } from '../changelog/files/log-head.ts'
import { openChangelog } from '../changelog/files/open-changelog.ts'
import { maxLogical, zeroHlc, type Hlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { FromIngest, IngestSettings } from '../ingest/ingest.ts'
import { IngestThread } from '../ingest/ingest-thread.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { SettingsStore } from '../settings/store.ts'

/** DROP DATABASE is done by then, or has failed. */
const letGoMs = 10_000

export interface Source {
  readonly connection: SourceConnection
  readonly dir: string
  readonly head: LogHead
  readonly log: Changelog
  readonly ingest: IngestThread
}

export interface SourcesOptions {
  /** Folder of all changelogs. */
  readonly dir: string
  readonly source: Omit<SourceConnection, 'database'>
  readonly settings: SettingsStore
  readonly log: Logger
}

export interface EnsureOptions {
  /** Whoever asks does not wait any more. */
  readonly signal?: AbortSignal
  /** Hears, now and then, what is waited for. */
  readonly waiting?: (why: string) => void
}

export class Sources {
  readonly #options: SourcesOptions
  /** By database oid: a renamed database keeps its log. */
  readonly #sources = new Map<string, Source>()
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
    for (const oid of readdirSync(this.#options.dir)) {
      if (!/^\d+$/.test(oid)) continue
      const name = await this.#ask('system', `SELECT datname FROM pg_database WHERE oid = ${oid}`)
      if (name === undefined)
        this.#options.log.warn({ oid }, 'a changelog is left of a database that does not exist any more')
      else this.#open(oid, name)
    }
  }

  /** At or after the last timestamp that anybody can have seen of a database. */
  lastTime(database: string): Hlc {
    const found = this.all.find(({ connection }) => connection.database === database)
    return found === undefined ? zeroHlc : { wall: found.head.resolvedWall, logical: maxLogical }
  }

  /** The source of a database, reading its slot; made when it is the first time. */
  async ensure(database: string, { signal, waiting }: EnsureOptions = {}): Promise<Source> {
    const oid = await this.#ask(database, 'SELECT oid::text FROM pg_database WHERE datname = current_database()')
    if (oid === undefined) throw new FeedError('FEED_NO_DATABASE', `database "${database}" does not exist`)
    const source = this.#sources.get(oid) ?? this.#open(oid, database)
    await readyOrLeft(source.ingest, signal, waiting)
    return source
  }

  /**
   * Lets go of a database that is to be dropped: nothing is connected to it, and its slot goes with it. If it is still
   * there a little later, it was not dropped, and its log goes on.
   */
  async letGo(database: string): Promise<void> {
    const found = [...this.#sources].find(([, { connection }]) => connection.database === database)
    if (found === undefined) return
    const [oid, { ingest, dir }] = found
    this.#sources.delete(oid)
    await ingest.stop()
    const look = async (): Promise<void> => {
      if (this.#isClosed || this.#sources.has(oid)) return
      const name = await this.#ask('system', `SELECT datname FROM pg_database WHERE oid = ${oid}`)
      if (name === undefined) rmSync(dir, { recursive: true, force: true })
      else this.#open(oid, name)
    }
    setTimeout(() => {
      look().catch((error: unknown) => {
        this.#options.log.warn({ database, error: String(error) }, 'it is not known whether the database was dropped')
      })
    }, letGoMs).unref()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#unsubscribe()
    await Promise.all([...this.#sources.values()].map(({ ingest }) => ingest.stop()))
  }

  #open(oid: string, database: string): Source {
    const { dir: root, source, log } = this.#options
    const dir = join(root, oid)
    const head = new LogHead()
    const connection = { ...source, database }
    const heard = (message: FromIngest): void => {
      if (message.tag === 'gap')
        log.error({ database, reason: message.reason }, 'changes are missing from the changelog')
      if (message.tag === 'waiting') log.info({ database, why: message.why }, 'the replication slot cannot be made yet')
      if (message.tag !== 'state') return
      const { state } = message
      if (state.tag === 'failed' || state.tag === 'retrying') {
        log.warn(
          { database, error: state.error.message },
          state.tag === 'failed' ? 'ingest stopped' : 'ingest tries again',
        )
      } else log.debug({ database, state: state.tag }, 'ingest')
    }
    const ingest = new IngestThread(
      { dir, head: head.shared, source: connection, settings: this.#ingestSettings() },
      heard,
    )
    const opened = { connection, dir, head, log: openChangelog(dir, head.shared), ingest }
    this.#sources.set(oid, opened)
    return opened
  }

  #ingestSettings(): IngestSettings {
    const { settings } = this.#options
    return {
      closedTargetMs: settings.get('kv.closed_timestamp.target_duration'),
      retentionMs: settings.get('changefeed.changelog.retention'),
      maxLogBytes: settings.get('changefeed.changelog.max_size'),
    }
  }

  async #ask(database: string, sql: string): Promise<string | undefined> {
    const connection = await openRawConnection({ source: { ...this.#options.source, database } })
    try {
      return (await connection.query(sql))[0]?.[0] ?? undefined
    } finally {
      await connection.close()
    }
  }
}

const tellEveryMs = 1000

/** Settles when the source is ready; rejects when it cannot be, or with the signal's reason. */
async function readyOrLeft(ingest: IngestThread, signal?: AbortSignal, waiting?: (why: string) => void): Promise<void> {
  const left = Promise.withResolvers<never>()
  const leave = (): void => left.reject(signal?.reason)
  signal?.throwIfAborted()
  signal?.addEventListener('abort', leave)
  let told: string | undefined
  const timer = setInterval(() => {
    const why = ingest.waiting
    if (why === undefined || why === told) return
    told = why
    waiting?.(why)
  }, tellEveryMs)
  try {
    await Promise.race([ingest.ready, left.promise])
  } finally {
    clearInterval(timer)
    signal?.removeEventListener('abort', leave)
  }
}
