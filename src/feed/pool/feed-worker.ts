// The thread in which feeds run. Each feed is a task of its own; they share the thread (share-thread.ts).

import { parentPort } from 'node:worker_threads'
import { openChangelog } from '../../changelog/open-changelog.ts'
import { saveCompiled } from '../../core/compile-cache.ts'
import { defaultFormat, formatOfName } from '../../encode/format-names.ts'
import { loadFormat } from '../../encode/open-encoder.ts'
import { FeedError, fromWireError, toWireError, type WireError } from '../../errors/feed-error.ts'
import { loadSink, openSink } from '../../sink/open-sink.ts'
import type { Sink } from '../../sink/sink.ts'
import { factsOfSink } from '../../sink/sinks.ts'
import type { FeedStart, FromFeedWorker, ToFeedWorker } from './feed-messages.ts'
import type { JobProgress } from '../../core/job-progress.ts'
import { runFeed } from '../run-feed.ts'
import { newProgress, type FeedProgress } from '../feed-run.ts'
import { SinkWatch } from './sink-watch.ts'

/** Rows on their way to a client that has not taken them yet. */
const maxInFlightBytes = 1024 * 1024
const progressEveryMs = 1000
/** A feed that is stopped waits so long for its sink. */
const sinkEndsMs = 5000

if (parentPort === null) throw new FeedError('FEED_BUG', 'feed-worker.ts is a worker thread')
const port = parentPort
saveCompiled()
// Nearly every feed needs it.
loadFormat(defaultFormat).catch(() => undefined)
const feeds = new Map<number, RunningFeed>()

class RunningFeed {
  readonly #id: number
  readonly #abort = new AbortController()
  /** The sink is let go a little later, so that what it has can become durable. */
  readonly #sinkAbort = new AbortController()
  readonly progress: FeedProgress = newProgress()
  #watch: SinkWatch | undefined
  #lettingGo: NodeJS.Timeout | undefined
  #inFlight = 0
  #mayGoOn: PromiseWithResolvers<void> | undefined
  #saved: PromiseWithResolvers<void> | undefined

  constructor(id: number) {
    this.#id = id
  }

  async run(start: FeedStart): Promise<void> {
    let error
    try {
      const watch = (this.#watch = this.#sinkWatch(start))
      await using sink = await this.#sink(start)
      watch.opened(sink)
      await runFeed({
        spec: start.spec,
        log: openChangelog(start.log),
        source: start.source,
        sink,
        startPosition: start.startPosition,
        startTime: start.startTime,
        resume: start.resume,
        statementCut: start.statementCut,
        save: start.isJob === true ? (progress) => this.#save(progress) : undefined,
        waiting: (why) => say({ tag: 'waiting', feed: this.#id, why }),
        holdsSnapshot: watch.holdsSnapshot,
        signal: this.#abort.signal,
        progress: this.progress,
      })
    } catch (thrown) {
      error = toWireError(thrown)
    }
    this.#watch = undefined
    clearTimeout(this.#lettingGo)
    feeds.delete(this.#id)
    report([[this.#id, this]])
    say({ tag: 'ended', feed: this.#id, error })
  }

  look(nowMs: number): void {
    this.#watch?.look(nowMs)
  }

  stop(): void {
    this.#watch = undefined
    const reason = new FeedError('FEED_CANCELED', 'query execution canceled')
    this.#abort.abort(reason)
    this.#mayGoOn?.reject(reason)
    this.#lettingGo ??= setTimeout(() => this.#sinkAbort.abort(reason), sinkEndsMs)
  }

  saved(error: WireError | undefined): void {
    if (error === undefined) this.#saved?.resolve()
    else this.#saved?.reject(fromWireError(error))
    this.#saved = undefined
  }

  credit(bytes: number): void {
    this.#inFlight -= bytes
    if (this.#inFlight < maxInFlightBytes) {
      this.#mayGoOn?.resolve()
      this.#mayGoOn = undefined
    }
  }

  #sinkWatch({ spec: { sink }, maxSnapshotAgeMs }: FeedStart): SinkWatch {
    const { label, shownAs } = factsOfSink(sink)
    return new SinkWatch({
      label,
      name: shownAs?.(sink) ?? sink.tag,
      maxSnapshotAgeMs,
      waiting: (why) => say({ tag: 'sink-waits', feed: this.#id, why }),
      giveUp: (error) => this.#sinkAbort.abort(error),
    })
  }

  #sink({ spec }: FeedStart): Promise<Sink> {
    return openSink(spec.sink, {
      topics: spec.targets.map(({ topic }) => topic),
      extension: formatOfName(spec.format).extension,
      log: (level, text) => say({ tag: 'log', feed: this.#id, level, text }),
      signal: this.#sinkAbort.signal,
      send: (messages) => this.#send(messages),
    })
  }

  #save(progress: JobProgress): Promise<void> {
    this.#saved = Promise.withResolvers()
    say({ tag: 'save', feed: this.#id, progress })
    return this.#saved.promise
  }

  #send(messages: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#abort.signal.aborted) return Promise.reject(this.#abort.signal.reason as Error)
    this.#inFlight += messages.byteLength
    say({ tag: 'rows', feed: this.#id, messages }, [messages.buffer])
    if (this.#inFlight < maxInFlightBytes) return Promise.resolve()
    this.#mayGoOn ??= Promise.withResolvers()
    return this.#mayGoOn.promise
  }
}

function say(message: FromFeedWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}

function report(running: Iterable<readonly [number, RunningFeed]>): void {
  say({ tag: 'progress', feeds: new Map([...running].map(([id, { progress }]) => [id, progress])) })
}

setInterval(() => {
  if (feeds.size === 0) return
  report(feeds)
  const nowMs = Date.now()
  for (const feed of feeds.values()) feed.look(nowMs)
}, progressEveryMs)

port.on('message', (message: ToFeedWorker) => {
  if (message.tag === 'start') {
    const feed = new RunningFeed(message.feed)
    feeds.set(message.feed, feed)
    void feed.run(message.start)
  } else if (message.tag === 'prepare-sink') loadSink(message.sink).catch(() => undefined)
  else if (message.tag === 'credit') feeds.get(message.feed)?.credit(message.bytes)
  else if (message.tag === 'saved') feeds.get(message.feed)?.saved(message.error)
  else feeds.get(message.feed)?.stop()
})
