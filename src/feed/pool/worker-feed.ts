// One feed inside a worker thread: its sink, its counters, and how it is stopped.

import type { MessagePort } from 'node:worker_threads'
import { countDelivered, feedMeter, type FeedMeter, type SentMessages } from '../../core/feed-meter.ts'
import { openChangelog } from '../../changelog/open-changelog.ts'
import type { JobProgress } from '../../core/job-progress.ts'
import type { Encoder } from '../../encode/encoder.ts'
import { formatOfName } from '../../encode/format-names.ts'
import { FeedError, fromWireError, toWireError, type WireError } from '../../errors/feed-error.ts'
import { openSink } from '../../sink/open-sink.ts'
import type { Sink } from '../../sink/sink.ts'
import { factsOfSink } from '../../sink/sinks.ts'
import { firstTime } from '../phases.ts'
import { newProgress, type FeedProgress } from '../feed-run.ts'
import { runFeed } from '../run-feed.ts'
import type { FromFeedWorker, PooledStart } from './feed-messages.ts'
import { ScanTurn } from './scan-turn.ts'
import { SinkWatch } from './sink-watch.ts'

/** The most bytes of rows that are sent before the client has taken them. */
const maxInFlightBytes = 1024 * 1024
/** A scan whose client has taken no rows for this time does not get on. */
const idleClientMs = 10_000
/** How long a feed that is stopped waits for its sink. */
const sinkEndsMs = 5000

type Say = (message: FromFeedWorker, transfer?: ArrayBuffer[]) => void

export class WorkerFeed {
  readonly #id: number
  readonly #say: Say
  readonly #abort = new AbortController()
  /** Aborts a little later than `#abort`, so that the messages that the sink has can become durable. */
  readonly #sinkAbort = new AbortController()
  readonly progress: FeedProgress = newProgress()
  readonly turn: ScanTurn
  #watch: SinkWatch | undefined
  #encoder: Encoder | undefined
  #waitsForRegistry = false
  #sinkTimer: NodeJS.Timeout | undefined
  #meter: FeedMeter | undefined
  #inFlight = 0
  /** The messages of rows that the client has not taken yet. */
  readonly #sent: SentMessages[] = []
  #mayContinue: PromiseWithResolvers<void> | undefined
  /** Since when the feed waits for `#mayContinue`. */
  #waitsSinceMs = 0
  #saved: PromiseWithResolvers<void> | undefined
  #ports: PromiseWithResolvers<readonly MessagePort[]> | undefined

  constructor(id: number, say: Say) {
    this.#id = id
    this.#say = say
    this.turn = new ScanTurn({
      ask: (reason) => say({ tag: 'scan-turn', feed: id, reason }),
      end: () => say({ tag: 'scan-over', feed: id }),
      signal: this.#abort.signal,
    })
  }

  /** Settles when nothing of the feed is left. Returns the error that ended the feed; undefined: the feed reached its own end. */
  async run(start: PooledStart): Promise<WireError | undefined> {
    let error
    const meter = feedMeter(start.meter)
    this.#meter = meter
    try {
      const watch = (this.#watch = this.#sinkWatch(start))
      await using sink = await this.#sink(start)
      watch.opened(sink)
      await runFeed({
        ...start,
        log: openChangelog(start.log),
        sink,
        resume: start.resume,
        save: start.isJob === true ? (progress) => this.#save(progress) : undefined,
        waiting: (why) => this.#say({ tag: 'waiting', feed: this.#id, why }),
        registryWaits: (why) => {
          this.#waitsForRegistry = why !== undefined
          this.#say({ tag: 'registry-waits', feed: this.#id, why })
        },
        encoderOpened: (encoder) => {
          this.#encoder = encoder
        },
        say: (text) => this.#say({ tag: 'log', feed: this.#id, level: 'info', text: `[changefeed] ${text}` }),
        scanTurn: this.turn.take,
        encodePorts: () => this.#askForPorts(),
        holdsSnapshot: watch.holdsSnapshot,
        signal: this.#abort.signal,
        progress: this.progress,
        meter,
      })
    } catch (thrown) {
      error = toWireError(thrown)
    }
    this.#watch = undefined
    clearTimeout(this.#sinkTimer)
    return error
  }

  check(nowMs: number): void {
    const isSinkIdle = this.#watch?.check(nowMs) === true
    const isClientIdle = this.#mayContinue !== undefined && nowMs - this.#waitsSinceMs >= idleClientMs
    const isStalled = isSinkIdle || isClientIdle || this.#waitsForRegistry
    if (isStalled && this.turn.isHad) this.#say({ tag: 'scan-stalled', feed: this.#id })
  }

  scanWanted(): void {
    this.turn.wanted()
    this.#watch?.holdsSnapshot(undefined)
  }

  stop(): void {
    this.#watch = undefined
    const reason = new FeedError('FEED_CANCELED', 'query execution canceled')
    this.#abort.abort(reason)
    this.#mayContinue?.reject(reason)
    this.#sinkTimer ??= setTimeout(() => this.#sinkAbort.abort(reason), sinkEndsMs)
  }

  saved(error: WireError | undefined): void {
    if (error === undefined) this.#saved?.resolve()
    else this.#saved?.reject(fromWireError(error))
    this.#saved = undefined
  }

  encodePorts(ports: readonly MessagePort[]): void {
    if (this.#ports === undefined) for (const unused of ports) unused.close()
    this.#ports?.resolve(ports)
    this.#ports = undefined
  }

  credit(bytes: number): void {
    this.#inFlight -= bytes
    const sent = this.#sent.shift()
    if (sent !== undefined && this.#meter !== undefined) {
      countDelivered(this.#meter, sent, bytes)
      this.#meter.count('sinkRequests')
      this.#meter.count('bytesOut', bytes)
    }
    if (this.#inFlight < maxInFlightBytes) {
      this.#mayContinue?.resolve()
      this.#mayContinue = undefined
    }
  }

  #sinkWatch({ spec: { sink }, maxSnapshotAgeMs }: PooledStart): SinkWatch {
    const { label, shownAs } = factsOfSink(sink)
    return new SinkWatch({
      label,
      name: shownAs?.(sink) ?? sink.tag,
      maxSnapshotAgeMs,
      waiting: (why) => this.#say({ tag: 'sink-waits', feed: this.#id, why }),
      giveUp: (error) => this.#sinkAbort.abort(error),
    })
  }

  async #sink(start: PooledStart): Promise<Sink> {
    try {
      return await this.#openSink(start)
    } catch (error) {
      // A far end that is away when an attempt begins is as much away as one that does not answer later.
      if (!this.#abort.signal.aborted) {
        this.#meter?.count('sinkRequests')
        this.#meter?.count('sinkErrors')
      }
      throw error
    }
  }

  #openSink(start: PooledStart): Promise<Sink> {
    const { spec } = start
    return openSink(spec.sink, {
      feed: spec.id,
      topics: spec.targets.map(({ topic }) => topic),
      extension: formatOfName(spec.format).extension,
      firstTime: firstTime({ ...start, resume: start.resume }),
      columns: (schema) => this.#encoder?.columns?.(schema),
      header: (schema) => this.#encoder?.header?.(schema),
      log: (level, text) => this.#say({ tag: 'log', feed: this.#id, level, text }),
      signal: this.#sinkAbort.signal,
      send: (messages, sent) => this.#send(messages, sent),
      meter: this.#meter,
    })
  }

  #save(progress: JobProgress): Promise<void> {
    this.#saved = Promise.withResolvers()
    this.#say({ tag: 'save', feed: this.#id, progress })
    return this.#saved.promise
  }

  #askForPorts(): Promise<readonly MessagePort[]> {
    this.#ports = Promise.withResolvers()
    this.#say({ tag: 'encode-threads', feed: this.#id })
    return this.#ports.promise
  }

  #send(messages: Uint8Array<ArrayBuffer>, sent: SentMessages): Promise<void> {
    if (this.#abort.signal.aborted) return Promise.reject(this.#abort.signal.reason as Error)
    this.#inFlight += messages.byteLength
    this.#sent.push(sent)
    this.#say({ tag: 'rows', feed: this.#id, messages }, [messages.buffer])
    if (this.#inFlight < maxInFlightBytes) return Promise.resolve()
    if (this.#mayContinue === undefined) this.#waitsSinceMs = Date.now()
    this.#mayContinue ??= Promise.withResolvers()
    return this.#mayContinue.promise
  }
}
