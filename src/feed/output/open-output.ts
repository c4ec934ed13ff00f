// The chain of takers through which changes become messages: a new stage belongs here.

import type { MessageBatch } from '../../core/message-batch.ts'
import type { Encoder } from '../../encode/encoder.ts'
import { ChangeWriter } from './change-writer.ts'
import { MessageOutput } from './message-output.ts'
import { PrepareStage } from './prepare-stage.ts'

export interface OutputOptions {
  readonly encoder: Encoder
  /** Gives a batch to the sink and clears it. */
  readonly emitBatch: (batch: MessageBatch) => Promise<void>
  readonly signal: AbortSignal
}

export interface Output {
  readonly changes: ChangeWriter
  /** The end of the chain: what it holds is encoded and waits for nothing but the sink. */
  readonly messages: MessageOutput
}

export function openOutput({ encoder, emitBatch, signal }: OutputOptions): Output {
  const messages = new MessageOutput(encoder, emitBatch)
  return { changes: new ChangeWriter(new PrepareStage({ encoder, next: messages, signal })), messages }
}
