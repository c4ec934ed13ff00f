// A sink that discards all messages, for measuring everything else.

import type { MessageBatch } from '../../core/message-batch.ts'
import type { Resolved, Sink } from '../sink.ts'

export async function open(): Promise<Sink> {
  return new NullSink()
}

export class NullSink implements Sink {
  emit(_batch: MessageBatch): Promise<void> {
    return done
  }

  emitResolved(resolved: Resolved): Promise<void> {
    resolved.payload(0)
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
