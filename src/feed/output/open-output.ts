// Makes the chain of stages through which changes become messages. A new stage is added here.

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
  /** The last stage. The messages that it has are encoded, and wait only for the sink. */
  readonly messages: MessageOutput
}

export function openOutput({ encoder, emitBatch, signal }: OutputOptions): Output {
  const messages = new MessageOutput(encoder, emitBatch)
  return { changes: new ChangeWriter(new PrepareStage({ encoder, next: messages, signal })), messages }
}
