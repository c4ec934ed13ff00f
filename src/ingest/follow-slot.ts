// The stream of a slot while it runs: what arrives is confirmed, the source's clock and health are asked again and again,
// and it is given up for bulk pulls when it falls far behind. One for an attempt: it may stream several times.

import { onAbort } from '../async/or-abort.ts'
import type { LogHead } from '../changelog/files/log-head.ts'
import type { LogWriter } from '../changelog/files/log-writer.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { ApplyMessage, MessageApplier } from './apply-message.ts'
import { ClockProbes, type SourceClock } from './clock-probe.ts'
import type { GroupCommit } from './group-commit.ts'
import type { HealthCheck } from './health.ts'
import type { FromIngest, IngestSettings, IngestStart } from './ingest.ts'
import type { LogTail } from './log-tail.ts'
import type { SerialQueries } from './serial-queries.ts'
import { SlotStream } from './stream.ts'

const keepAliveMs = 10_000
const healthMs = 5000
/** Without feeds nobody waits for closed timestamps; the log's end must still move on. */
const idleProbeMs = 5000
const fastestProbeMs = 20
/**
 * A stream that has been far behind for so many looks in a row gives way to bulk pulls, but not before something has come:
 * until then the server decodes what lies before, from where the slot must restart, and would do so again for a pull.
 */
const farBehindBytes = 32n * 1024n * 1024n
const gearLookMs = 1000
const farBehindLooks = 3

/** What an attempt has made ready. */
export interface Gears {
  readonly writer: LogWriter
  readonly applier: MessageApplier
  /** Hands a message to the applier. */
  readonly apply: ApplyMessage
  readonly tail: LogTail
  readonly commit: GroupCommit
  readonly control: SerialQueries
  readonly replication: RawConnection
  readonly slot: string
  readonly health: HealthCheck
  readonly clock: SourceClock
}

export interface FollowerOptions {
  readonly start: IngestStart
  readonly head: LogHead
  readonly settings: () => IngestSettings
  readonly feeds: () => number
  readonly say: (message: FromIngest) => void
  /** Rejects when something beside the stream has failed; `fail` makes it so. */
  readonly failed: Promise<never>
  readonly fail: (error: unknown) => void
  /** Aborts when ingest stops. */
  readonly signal: AbortSignal
}

export class SlotFollower {
  readonly #options: FollowerOptions
  #closeWanted = false
  #stream: SlotStream | undefined
  #probes: ClockProbes | undefined
  #probing: NodeJS.Timeout | undefined
  wasStreaming = false

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  get isStreaming(): boolean {
    return this.#stream !== undefined
  }

  /** Tells the slot what the log durably holds. */
  durable(): void {
    this.#stream?.durable()
  }

  /** Close a timestamp for what is committed now, as soon as the stream is there. */
  closeNow(): void {
    if (this.#stream === undefined) this.#closeWanted = true
    else this.#probe(true)
  }

  /** How often timestamps are closed may have changed. */
  rearm(): void {
    if (this.#stream === undefined) return
    clearInterval(this.#probing)
    const { feeds, settings } = this.#options
    const everyMs = feeds() === 0 ? idleProbeMs : Math.max(fastestProbeMs, settings().closedTargetMs)
    this.#probing = setInterval(() => this.#probe(false), everyMs)
    this.#probe(false)
  }

  /** Streams until ingest stops, or until it is so far behind that bulk pulls are better, if there is room for them. */
  async follow(gears: Gears, isRoom: boolean): Promise<void> {
    const { writer, applier, apply, tail, commit, control, replication, slot, health, clock } = gears
    const { start, head, say, settings, failed, fail, signal } = this.#options
    this.#probes = new ClockProbes(control, clock)
    const stream = new SlotStream({
      connection: replication,
      slot,
      overTcp: start.source.socketDir === undefined,
      writer,
      applier,
      apply,
      tail,
      commit,
      probes: this.#probes,
      closedTargetMs: () => settings().closedTargetMs,
      sourceLsn: () => head.sourceLsn,
    })
    const { done, end } = await stream.start()
    this.#stream = stream
    this.wasStreaming = true
    say({ tag: 'state', state: { tag: 'streaming' } })
    const left = Promise.withResolvers<void>()
    using _leaving = onAbort(signal, left.resolve)
    let looks = 0
    const startedAt = stream.received
    const timers = [
      setInterval(() => stream.confirm(), keepAliveMs),
      setInterval(() => health.check().catch(fail), healthMs),
      setInterval(() => {
        const isFar = stream.received > startedAt && head.sourceLsn - stream.received > farBehindBytes
        looks = isFar ? looks + 1 : 0
        if (isRoom && looks >= farBehindLooks && !applier.inTransaction) left.resolve()
      }, gearLookMs),
    ]
    this.rearm()
    health.check().catch(fail)
    if (this.#closeWanted) this.#probe(true)
    this.#closeWanted = false
    try {
      const ended = done.then(() =>
        Promise.reject(new FeedError('FEED_SOURCE_DOWN', 'PostgreSQL ended the replication stream')),
      )
      ended.catch(() => undefined)
      await Promise.race([ended, failed, left.promise])
      if (!signal.aborted) await Promise.race([end(), failed])
      // What has arrived becomes durable, and the slot hears of it.
      await commit.drain()
      if (signal.aborted) stream.confirm()
    } catch (error) {
      // What came before the change that the server cannot send is complete, and must not come again in front of it.
      if (error instanceof FeedError && error.code === 'FEED_SOURCE_REFUSED') await commit.drain()
      throw error
    } finally {
      for (const timer of timers) clearInterval(timer)
      clearInterval(this.#probing)
      stream.stop()
      this.#stream = undefined
    }
  }

  #probe(exact: boolean): void {
    const { head, fail } = this.#options
    const stream = this.#stream
    this.#probes?.ask(exact).then((probe) => {
      if (probe === undefined) return
      head.sourceLsn = probe.lsn
      stream?.probed()
    }, fail)
  }
}
