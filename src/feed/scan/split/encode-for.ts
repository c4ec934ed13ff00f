// What a thread does that encodes pieces for the feed of another thread: between its own feeds, one piece at a time.

import type { MessagePort } from 'node:worker_threads'
import { toWireError } from '../../../errors/feed-error.ts'
import { Piece, type FromEncoding, type PieceTable, type ToEncoding } from './piece.ts'
import { PieceEncoder } from './piece-encoder.ts'

/** Goes on until the other side closes the port. */
export function encodeFor(port: MessagePort): void {
  let encoder: Promise<PieceEncoder> | undefined
  let table: PieceTable | undefined
  const say = (message: FromEncoding, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
  const encode = async (message: Extract<ToEncoding, { tag: 'piece' }>, of: PieceTable | undefined): Promise<void> => {
    try {
      const opened = await encoder
      if (opened === undefined || of === undefined) throw new Error('a piece came before its table')
      const piece = new Piece(message.memory)
      const startMs = performance.now()
      opened.encode(piece, of)
      const { memory, transfer } = piece.give()
      say({ tag: 'encoded', memory, ms: performance.now() - startMs }, transfer)
    } catch (error) {
      say({ tag: 'failed', error: toWireError(error) })
    }
  }
  port.on('message', (message: ToEncoding) => {
    if (message.tag === 'open') {
      encoder = PieceEncoder.open(message.spec, message.at)
      // Each piece reports it.
      encoder.catch(() => undefined)
    } else if (message.tag === 'table') table = message.table
    else void encode(message, table)
  })
}
