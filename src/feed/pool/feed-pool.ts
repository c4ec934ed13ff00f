// The pool of worker threads that run feeds, as the main thread sees it.
//
// `run` is given a FeedStart (the spec, and where the log and the source are) and handlers. The handlers get the rows in
// chunks, the next chunk when the previous one was taken, and the progress. A feed belongs to one worker for its life. When
// a worker dies, each of its feeds ends with an error, and the worker is replaced. The pool retries nothing and knows nothing
// of SQL.

import { onAbort, orAbort } from '../../async/or-abort.ts'
import { Serial } from '../../async/serial.ts'
import { availableParallelism } from 'node:os'
import { MessageChannel } from 'node:worker_threads'
import { FeedError, fromWireError, toWireError } from '../../errors/feed-error.ts'
import { programReplaced } from '../../errors/replaced-program.ts'
import { feedMeter, feedMeterBytes, type FeedMeter } from '../../core/feed-meter.ts'
import type { MetricScopes } from '../../core/metric-scopes.ts'
import type { JobProgress } from '../../core/job-progress.ts'
import type { FeedStart, FromFeedWorker, LogLevel } from './feed-messages.ts'
import { PoolWorker } from './pool-worker.ts'
import { ScanTurns } from './scan-turns.ts'
import { newProgress, type FeedProgress } from '../feed-run.ts'
import type { ScanReason } from '../scan/scan-request.ts'
import { hasEnoughThreads } from '../scan/split/when-to-split.ts'

export interface FeedHandlers {
  /** Gets DataRow messages. Settles when it can take the next ones, rejects when the client is gone. */
  rows(messages: Uint8Array): Promise<void>
  /** Called now and then with what the start of the feed waits for. */
  waiting?(why: string): void
  /** Called with what the sink waits for when that changes; undefined: it waits for nothing. */
  sinkWaits?(why: string | undefined): void
  /** Called with what the encoder waits for at the schema registry when that changes; undefined: it waits for nothing. */
  registryWaits?(why: string | undefined): void
  /** Makes the progress of a job durable. */
  save?(progress: JobProgress): Promise<void>
  /** Gets the lines that the sink writes to the log of the server. */
  log?(level: LogLevel, text: string): void
}

export interface PooledFeed {
  readonly id: string
  readonly database: string
  /** The `metrics_label` of the feed. */
  readonly scope: string | undefined
  /** How many tables it reads. */
  readonly tables: number
  /** The `tag` of its sink. */
  readonly sink: string
  readonly progress: FeedProgress
  /** What it has counted until now. */
  readonly meter: FeedMeter
}

interface Entry extends PooledFeed {
  readonly turns: Readonly<Record<ScanReason, ScanTurns>>
  progress: FeedProgress
  readonly worker: PoolWorker
  readonly handlers: FeedHandlers
  readonly ended: PromiseWithResolvers<void>
  /** Gives the rows to the handler one chunk after the other. */
  readonly chunks: Serial
  failure: unknown
}

export class FeedPool {
  readonly #workers: PoolWorker[] = []
  readonly #size: number
  readonly #feeds = new Map<number, Entry>()
  /** Jobs do not wait for feeds on connections, nor these for jobs; nor does a backfill wait for initial scans, which may be long. */
  readonly #turnsOfJobs = { initial: new ScanTurns(), backfill: new ScanTurns() }
  readonly #turnsOfOthers = { initial: new ScanTurns(), backfill: new ScanTurns() }
  #nextFeed = 1
  #closed = false
  readonly #scopes: MetricScopes | undefined

  /** `scopes` gets what each feed has counted when it has ended. */
  constructor(size = availableParallelism(), scopes?: MetricScopes) {
    this.#size = size
    this.#scopes = scopes
  }

  get running(): readonly PooledFeed[] {
    return [...this.#feeds.values()]
  }

  /** Starts threads for feeds that are about to come, so that these need not wait for a thread. */
  prepare({ count, sinks }: { readonly count: number; readonly sinks: readonly string[] }): void {
    while (this.#workers.length < Math.min(count, this.#size) && programReplaced() === undefined) this.#spawn()
    for (const worker of this.#workers) for (const sink of sinks) worker.say({ tag: 'prepare-sink', sink })
  }

  /** Settles when the feed has reached its own end; throws the error that ended it, or the reason of the signal. */
  async run(start: FeedStart, handlers: FeedHandlers, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#closed) throw new FeedError('FEED_STATE', 'the server is shutting down', { sqlstate: '57P01' })
    const feed = this.#nextFeed++
    const counted = new SharedArrayBuffer(feedMeterBytes)
    const entry: Entry = {
      id: start.spec.id,
      database: start.spec.database,
      scope: start.spec.scope,
      turns: start.isJob === true ? this.#turnsOfJobs : this.#turnsOfOthers,
      tables: start.spec.targets.length,
      sink: start.spec.sink.tag,
      progress: newProgress(),
      meter: feedMeter(counted),
      worker: this.#leastBusy(),
      handlers,
      ended: Promise.withResolvers(),
      chunks: new Serial(),
      failure: undefined,
    }
    this.#feeds.set(feed, entry)
    this.#scopes?.use(entry.scope)
    entry.worker.feeds.add(feed)
    entry.worker.say({ tag: 'start', feed, start: { ...start, meter: counted } })
    using _stopping = onAbort(signal, () => entry.worker.say({ tag: 'stop', feed }))
    await entry.ended.promise
    // A client that stops reading cannot keep a stopped feed alive.
    await orAbort(entry.chunks.idle(), signal)
    signal.throwIfAborted()
    if (entry.failure !== undefined) throw entry.failure
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #spawn(): void {
    const worker = new PoolWorker(
      (message) => this.#hear(message),
      (error) => this.#lose(worker, error),
    )
    this.#workers.push(worker)
  }

  #leastBusy(): PoolWorker {
    if (this.#workers.length < this.#size && this.#workers.every((worker) => worker.feeds.size > 0)) {
      const replaced = programReplaced()
      // A thread loads the whole program. Those that run already can have more feeds.
      if (replaced === undefined) this.#spawn()
      else if (this.#workers.length === 0) throw replaced
    }
    return this.#workers.reduce((a, b) => (b.feeds.size < a.feeds.size ? b : a))
  }

  #hear(message: FromFeedWorker): void {
    if (message.tag === 'progress') {
      for (const [feed, progress] of message.feeds) {
        const entry = this.#feeds.get(feed)
        if (entry !== undefined) entry.progress = progress
      }
      return
    }
    const { feed } = message
    const entry = this.#feeds.get(feed)
    if (entry === undefined) return
    if (message.tag === 'waiting') entry.handlers.waiting?.(message.why)
    else if (message.tag === 'sink-waits') entry.handlers.sinkWaits?.(message.why)
    else if (message.tag === 'registry-waits') entry.handlers.registryWaits?.(message.why)
    else if (message.tag === 'log') entry.handlers.log?.(message.level, message.text)
    else if (message.tag === 'scan-turn') this.#askForTurn(feed, message.reason, entry)
    else if (message.tag === 'scan-stalled') {
      if (turnsOf(entry).some((turns) => turns.askBack(feed))) entry.worker.say({ tag: 'scan-wanted', feed })
    } else if (message.tag === 'scan-over') {
      for (const turns of turnsOf(entry)) turns.end(feed)
    } else if (message.tag === 'encode-threads') this.#connectEncoders(feed, entry.worker)
    else if (message.tag === 'save') void this.#save(feed, entry, message.progress)
    else if (message.tag === 'ended')
      this.#end(feed, message.error === undefined ? undefined : fromWireError(message.error))
    else {
      const { messages } = message
      const bytes = messages.byteLength
      void entry.chunks.run(async () => {
        try {
          await entry.handlers.rows(messages)
          entry.worker.say({ tag: 'credit', feed, bytes })
        } catch (error) {
          entry.failure ??= error
          entry.worker.say({ tag: 'stop', feed })
        }
      })
    }
  }

  /** The other threads of the pool encode for a feed, between their own feeds. */
  #connectEncoders(feed: number, worker: PoolWorker): void {
    const isSplit = hasEnoughThreads(this.#size)
    while (isSplit && this.#workers.length < this.#size && programReplaced() === undefined) this.#spawn()
    const others = isSplit ? this.#workers.filter((other) => other !== worker) : []
    const ports = others.map((other) => {
      const { port1, port2 } = new MessageChannel()
      other.say({ tag: 'encode-for', port: port2 }, [port2])
      return port1
    })
    worker.say({ tag: 'encode-ports', feed, ports }, ports)
  }

  #askForTurn(feed: number, reason: ScanReason, { turns, worker, handlers }: Entry): void {
    const isNow = turns[reason].ask(feed, () => worker.say({ tag: 'scan-granted', feed }))
    if (!isNow) handlers.waiting?.('waiting until other changefeeds have read their tables')
  }

  async #save(feed: number, { handlers, worker }: Entry, progress: JobProgress): Promise<void> {
    let error
    try {
      await handlers.save?.(progress)
    } catch (thrown) {
      error = toWireError(thrown)
    }
    worker.say({ tag: 'saved', feed, error })
  }

  #end(feed: number, error: unknown): void {
    const entry = this.#feeds.get(feed)
    if (entry === undefined) return
    this.#feeds.delete(feed)
    for (const turns of turnsOf(entry)) turns.end(feed)
    entry.worker.feeds.delete(feed)
    entry.failure ??= error
    this.#scopes?.add(entry.scope, entry.sink, entry.meter)
    entry.ended.resolve()
  }

  #lose(worker: PoolWorker, error: unknown): void {
    const at = this.#workers.indexOf(worker)
    if (at >= 0) this.#workers.splice(at, 1)
    for (const feed of Array.from(worker.feeds)) {
      this.#end(feed, error instanceof FeedError ? error : stopped(error))
    }
  }
}

function stopped(error: unknown): FeedError {
  const { message, detail } = toWireError(error)
  return new FeedError('FEED_THREAD', `the thread of the changefeed stopped: ${message}`, { detail })
}

function turnsOf({ turns }: Entry): readonly ScanTurns[] {
  return [turns.initial, turns.backfill]
}
