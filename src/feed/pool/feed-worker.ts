// The thread in which feeds run. Each feed is a task of its own; they share the thread (share-thread.ts).

import { parentPort, type MessagePort } from 'node:worker_threads'
import { saveCompiled } from '../../core/compile-cache.ts'
import { defaultFormat } from '../../encode/format-names.ts'
import { loadFormat } from '../../encode/open-encoder.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { loadSink } from '../../sink/open-sink.ts'
import type { FromFeedWorker, PooledStart, ToFeedWorker } from './feed-messages.ts'
import { encodeFor } from '../scan/split/encode-for.ts'
import { WorkerFeed } from './worker-feed.ts'

const progressEveryMs = 1000

if (parentPort === null) throw new FeedError('FEED_BUG', 'feed-worker.ts is a worker thread')
const port = parentPort
saveCompiled()
// Nearly every feed needs it.
loadFormat(defaultFormat).catch(() => undefined)
const feeds = new Map<number, WorkerFeed>()

async function run(id: number, start: PooledStart): Promise<void> {
  const feed = new WorkerFeed(id, say)
  feeds.set(id, feed)
  const error = await feed.run(start)
  feeds.delete(id)
  report([[id, feed]])
  say({ tag: 'ended', feed: id, error })
}

function say(message: FromFeedWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}

function report(running: Iterable<readonly [number, WorkerFeed]>): void {
  say({ tag: 'progress', feeds: new Map([...running].map(([id, { progress }]) => [id, progress])) })
}

setInterval(() => {
  if (feeds.size === 0) return
  report(feeds)
  const nowMs = Date.now()
  for (const feed of feeds.values()) feed.check(nowMs)
}, progressEveryMs)

function takePorts(feed: number, ports: readonly MessagePort[]): void {
  const running = feeds.get(feed)
  if (running !== undefined) running.encodePorts(ports)
  else for (const unused of ports) unused.close()
}

port.on('message', (message: ToFeedWorker) => {
  if (message.tag === 'start') void run(message.feed, message.start)
  else if (message.tag === 'prepare-sink') loadSink(message.sink).catch(() => undefined)
  else if (message.tag === 'credit') feeds.get(message.feed)?.credit(message.bytes)
  else if (message.tag === 'scan-granted') feeds.get(message.feed)?.turn.granted()
  else if (message.tag === 'scan-wanted') feeds.get(message.feed)?.scanWanted()
  else if (message.tag === 'encode-for') encodeFor(message.port)
  else if (message.tag === 'encode-ports') takePorts(message.feed, message.ports)
  else if (message.tag === 'saved') feeds.get(message.feed)?.saved(message.error)
  else feeds.get(message.feed)?.stop()
})
