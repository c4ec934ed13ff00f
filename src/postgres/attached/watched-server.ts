// Watches a PostgreSQL that somebody else runs, over a connection of its own, so that /health says when it cannot be used and why.
// What reads it finds out by itself, and goes on by itself when it is back.

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Backoff } from '../../async/backoff.ts'
import { asFeedError } from '../../errors/feed-error.ts'
import type { Backend } from '../backend.ts'
import { openRawConnection, type RawConnection } from '../raw-connection.ts'
import type { SourceConnection } from '../source-connection.ts'
import { placeOf } from './place.ts'

const everyMs = 2000
/** A connection that is silent for so long is given up. */
const answersWithinMs = 10_000
const pauses = { firstMs: 100, mostMs: 5000 }

export interface WatchedServerOptions {
  readonly source: SourceConnection
  /** What it is for, after the name of the database in messages: "which has the jobs and settings". */
  readonly use: string
  readonly log: Logger
}

export class WatchedServer {
  readonly #options: WatchedServerOptions
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  #problem: Backend['problem']

  constructor(options: WatchedServerOptions) {
    this.#options = options
    this.#ended = this.#watch()
  }

  /** Undefined if it can be used, as far as is known. */
  get problem(): Backend['problem'] {
    return this.#problem
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop
    const backoff = new Backoff(pauses)
    let connection: RawConnection | undefined
    while (!signal.aborted) {
      try {
        connection ??= await openRawConnection({
          source: this.#options.source,
          applicationName: 'pg-changefeed-health',
        })
        await answered(connection)
        this.#say(undefined)
        backoff.reset()
        await delay(everyMs, undefined, { signal }).catch(() => undefined)
      } catch (error) {
        connection?.destroy()
        connection = undefined
        this.#say(asFeedError(error))
        await delay(backoff.next(), undefined, { signal }).catch(() => undefined)
      }
    }
    await connection?.close()
  }

  #say(error: ReturnType<typeof asFeedError> | undefined): void {
    const { source, use, log } = this.#options
    const before = this.#problem
    const place = `${placeOf(source)}, ${use},`
    this.#problem =
      error === undefined ? undefined : { message: `${place} cannot be used: ${error.message}`, hint: error.hint }
    if (this.#problem !== undefined && before?.message !== this.#problem.message) log.warn(this.#problem.message)
    else if (this.#problem === undefined && before !== undefined) log.info(`${place} can be used again`)
  }
}

async function answered(connection: RawConnection): Promise<void> {
  const timer = setTimeout(() => connection.destroy(), answersWithinMs)
  try {
    await connection.query('SELECT')
  } finally {
    clearTimeout(timer)
  }
}
