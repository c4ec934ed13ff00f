// One connection to the endpoint, for one request at a time. It is opened with the first request, and again after it broke.

import type { Socket } from 'node:net'
import { Client, type buildConnector, type Dispatcher } from 'undici'
import { ByteWriter } from '../../bytes/byte-writer.ts'

export class Connection implements AsyncDisposable {
  readonly #client: Client
  readonly #origin: string
  #socket: Socket | undefined
  /** For requests that are not in the memory of somebody else. */
  #memory = new ByteWriter(0)
  /** Memory of an earlier request, and how much the socket had been given with it. */
  #held = { memory: new ByteWriter(0), end: 0 }

  constructor(origin: string, connect: buildConnector.connector) {
    this.#origin = origin
    this.#client = new Client(origin, {
      connect: (options, callback) =>
        connect(options, (...result) => {
          this.#socket = result[1] ?? undefined
          this.#held.end = 0
          callback(...result)
        }),
      // `Endpoint.post` has its own time limit, which is that of the whole request.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /** Returns memory for the next request, empty. */
  nextMemory(): ByteWriter {
    this.#memory.clear()
    return this.#memory
  }

  /** Call after a request that was in the memory of `nextMemory`. */
  exchangeOwn(): void {
    this.#memory = this.exchange(this.#memory)
  }

  /**
   * Returns other memory, or the same if the socket has sent everything: an endpoint may answer before it has read a request, and an
   * answer may be read before the socket says that it has sent everything. `memory` is used again when it is sent.
   */
  exchange(memory: ByteWriter): ByteWriter {
    const { writableLength: unsent = 0, bytesWritten: written = 0 } = this.#socket ?? {}
    if (unsent === 0) return memory
    const held = this.#held
    this.#held = { memory, end: written }
    return written - unsent < held.end ? new ByteWriter(0) : held.memory
  }

  request(body: Buffer, options: Omit<Dispatcher.RequestOptions, 'body'>): Promise<Dispatcher.ResponseData> {
    // Undici computes the origin for each request otherwise.
    return this.#client.request({ ...options, body, origin: this.#origin })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.destroy()
  }
}
