// One worker thread of the pool, as the main thread sees it.

import { Worker, type MessagePort } from 'node:worker_threads'
import { workerUrl } from '../../core/worker-url.ts'
import { explainMissing } from '../../errors/replaced-program.ts'
import type { FromFeedWorker, ToFeedWorker } from './feed-messages.ts'

export class PoolWorker {
  readonly feeds = new Set<number>()
  readonly #worker: Worker

  constructor(hear: (message: FromFeedWorker) => void, lose: (error: unknown) => void) {
    this.#worker = new Worker(workerUrl('feed/pool/feed-worker'), { name: 'feed' })
    this.#worker.on('message', hear)
    this.#worker.on('error', (error) => lose(explainMissing(error)))
    this.#worker.on('exit', (code) => lose(new Error(`exit code ${code}`)))
  }

  say(message: ToFeedWorker, transfer: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, [...transfer])
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }
}
