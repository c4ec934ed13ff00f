// The thread of one source's ingest.

import { parentPort, workerData } from 'node:worker_threads'
import { saveCompiled } from '../core/compile-cache.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { FromIngest, IngestStart, ToIngest } from './ingest.ts'
import { Ingest } from './run-ingest.ts'

if (parentPort === null) throw new FeedError('FEED_BUG', 'ingest-worker.ts is a worker thread')
const port = parentPort
saveCompiled()
const ingest = new Ingest(workerData as IngestStart, (message: FromIngest) => port.postMessage(message))
port.on('message', (message: ToIngest) => ingest.hear(message))
await ingest.run()
port.close()
