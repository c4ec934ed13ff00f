// Takes everything and keeps nothing: for measuring what comes before a sink.

import type { MessageBatch } from '../../core/message-batch.ts'
import type { Sink } from '../sink.ts'

export class NullSink implements Sink {
  emit(_batch: MessageBatch): Promise<void> {
    return done
  }

  emitResolved(_payload: Uint8Array): Promise<void> {
    return done
  }

  flush(): Promise<void> {
    return done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return done
  }
}

const done = Promise.resolve()
