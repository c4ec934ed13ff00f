import { setImmediate as turn } from 'node:timers/promises'
import { orAbort } from '../../async/or-abort.ts'
import type { Delivered, Destination, DestinationOptions, SinkKit } from '../../../test/suites/sink-kit.ts'
import { sinkSuite } from '../../../test/suites/sink-suite.ts'
import { RowsSink } from './open.ts'

/** A client that reads the rows of a changefeed, and can stop reading. */
class Client implements Destination {
  readonly #topics: readonly string[]
  readonly #chunks: Buffer[] = []
  #reads: PromiseWithResolvers<void> | undefined

  constructor({ topics }: DestinationOptions) {
    this.#topics = Array.from({ length: topics }, (_, topic) => `t${topic}`)
  }

  open(signal: AbortSignal): Promise<RowsSink> {
    const send = async (messages: Uint8Array<ArrayBuffer>): Promise<void> => {
      this.#chunks.push(Buffer.from(messages))
      // The memory of the messages belongs to whoever takes them.
      structuredClone(messages.buffer, { transfer: [messages.buffer] })
      // As a message to another thread, which answers later.
      await turn()
      await orAbort(this.#reads?.promise ?? Promise.resolve(), signal)
    }
    return Promise.resolve(new RowsSink({ formats: ['binary', 'binary', 'binary'], topics: this.#topics, send }))
  }

  break(): Promise<void> {
    this.#reads ??= Promise.withResolvers()
    return Promise.resolve()
  }

  mend(): Promise<void> {
    this.#reads?.resolve()
    this.#reads = undefined
    return Promise.resolve()
  }

  delivered(): Promise<readonly Delivered[]> {
    const bytes = Buffer.concat(this.#chunks)
    const rows: Delivered[] = []
    for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
      const [table, key, value] = columnsOf(bytes, at)
      const topic = table == null ? undefined : this.#topics.indexOf(String(table))
      rows.push({ topic, partition: 0, key: key == null ? undefined : String(key), value: value ?? null })
    }
    return Promise.resolve(rows)
  }
}

/** Of the DataRow that begins at `start`. */
function columnsOf(bytes: Buffer, start: number): (Buffer | null)[] {
  let at = start + 7
  return Array.from({ length: bytes.readInt16BE(start + 5) }, () => {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0) return null
    const column = bytes.subarray(at, at + length)
    at += length
    return column
  })
}

const kit: SinkKit = {
  destination: (options) => Promise.resolve(new Client(options)),
  resolvedMessages: () => 1,
  keepsNilValues: false,
  trouble: 'waiting',
  // Whoever gives the rows to the client does.
  counts: false,
}

sinkSuite('rows', kit)
