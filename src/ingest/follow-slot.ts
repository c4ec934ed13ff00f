// Runs the replication stream of a slot: what has arrived is made durable and confirmed, and a stream that falls far behind
// is left for bulk pulls. An attempt has one follower, which may stream several times.

import { onAbort } from '../async/or-abort.ts'
import { FeedError, toWireError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { ClockProbes } from './clock-probe.ts'
import type { AttemptParts } from './attempt-parts.ts'
import type { FromIngest, IngestState } from './ingest.ts'
import { SlotPuller } from './slot-puller.ts'
import { SlotStream } from './stream.ts'
import { StreamTimers, type StreamTimersOptions } from './stream-timers.ts'

export interface FollowerOptions extends Pick<StreamTimersOptions, 'log' | 'settings' | 'feeds' | 'fail'> {
  readonly source: SourceConnection
  readonly say: (message: FromIngest) => void
  /** Rejects when something other than the stream has failed; `fail` rejects it. */
  readonly failed: Promise<never>
  /** Aborts when ingest stops. */
  readonly signal: AbortSignal
  /** Opens a new connection for the slot in the place of this one. */
  readonly replace: (connection: RawConnection) => Promise<RawConnection>
}

type SlotReader = SlotStream | SlotPuller

export class SlotFollower {
  readonly #options: FollowerOptions
  /** The running stream; undefined if there is none. */
  #running: { readonly stream: SlotReader; readonly timers: StreamTimers } | undefined
  wasStreaming = false

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  get isStreaming(): boolean {
    return this.#running?.stream instanceof SlotStream
  }

  /** Tells the slot what the log durably holds. */
  durable(): void {
    this.#running?.stream.durable()
  }

  /** To be called when a schema change waits until the stream has passed it. */
  ask(): void {
    this.#running?.stream.ask()
  }

  /** To be called when settings or the number of feeds have changed. */
  rearm(): void {
    this.#running?.timers.rearm()
  }

  /** Streams until ingest stops, or until it is so far behind that bulk pulls are better, if there is room for them. */
  async follow(parts: AttemptParts, isRoom: boolean): Promise<void> {
    const { commit } = parts
    const { log, say, settings, feeds, failed, fail, signal } = this.#options
    const { control, clock } = parts
    const probes = new ClockProbes({
      control,
      clock,
      slow: (why) => this.#says({ tag: 'held', error: toWireError(why) }),
      again: () => this.#says({ tag: 'streaming' }),
    })
    const stream = parts.usesFunctions ? this.#newPuller(parts, probes) : this.#newStream(parts, probes)
    const { done, end } = await stream.start()
    this.wasStreaming = true
    say({ tag: 'state', state: { tag: 'streaming' } })
    const left = Promise.withResolvers<void>()
    using _leaving = onAbort(signal, left.resolve)
    // Where there are only pulls they are as large as they have to be.
    const farBehind = isRoom && !parts.usesFunctions ? left.resolve : (): void => undefined
    using timers = new StreamTimers({ log, parts, stream, probes, settings, feeds, farBehind, fail })
    this.#running = { stream, timers }
    try {
      const ended = done.then(() =>
        Promise.reject(new FeedError('FEED_SOURCE_DOWN', 'PostgreSQL ended the replication stream')),
      )
      ended.catch(() => undefined)
      await Promise.race([ended, failed, left.promise])
      if (!signal.aborted) await Promise.race([end(), failed])
      if (!signal.aborted) await Promise.race([parts.gate?.settled(), failed])
      // Everything that has arrived becomes durable, and is confirmed to the slot.
      await commit.drain()
      if (signal.aborted) stream.confirm()
    } catch (error) {
      // The transactions before the change that the server cannot send are complete, and must not come again.
      if (error instanceof FeedError && error.code === 'FEED_SOURCE_REFUSED') await commit.drain()
      throw error
    } finally {
      this.#running = undefined
      stream.stop()
    }
  }

  /** What a question finds out that is answered after the stream is about nothing any more. */
  #says(state: IngestState): void {
    if (this.#running !== undefined) this.#options.say({ tag: 'state', state })
  }

  #newPuller(parts: AttemptParts, probes: ClockProbes): SlotPuller {
    const { settings, feeds, replace } = this.#options
    return new SlotPuller({ ...parts, probes, closedTargetMs: () => settings().closedTargetMs, feeds, replace })
  }

  #newStream(parts: AttemptParts, probes: ClockProbes): SlotStream {
    const { source, log, settings } = this.#options
    return new SlotStream({
      ...parts,
      // Of TLS a read gives one record, which is often one message: to pause after each would let hardly anything through.
      readsInPieces: source.socketDir === undefined && source.tls === undefined,
      probes,
      closedTargetMs: () => settings().closedTargetMs,
      sourceLsn: () => log.status.sourceLsn,
    })
  }
}
