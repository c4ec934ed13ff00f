// One connection to the endpoint, for one request at a time. It is opened with the first request, and again after it broke.

import type { Socket } from 'node:net'
import { Client, type buildConnector, type Dispatcher } from 'undici'
import { ByteWriter } from '../../bytes/byte-writer.ts'

export class Connection implements AsyncDisposable {
  readonly #client: Client
  readonly #origin: string
  #socket: Socket | undefined
  #memory = new ByteWriter(0)
  /** Of the request before the last one. */
  #other = new ByteWriter(0)
  /** What had been given to the socket before the last request. */
  #writtenBefore = 0

  constructor(origin: string, connect: buildConnector.connector) {
    this.#origin = origin
    this.#client = new Client(origin, {
      connect: (options, callback) =>
        connect(options, (...result) => {
          this.#socket = result[1] ?? undefined
          this.#writtenBefore = 0
          callback(...result)
        }),
      // `Endpoint.post` has its own time limit, which is that of the whole request.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /**
   * Returns the memory for the next request, empty. It is that of an earlier request of which nothing is still to be sent: an
   * endpoint may answer before it has read a request, and an answer may be read before the socket says that it has sent everything.
   */
  nextMemory(): ByteWriter {
    const { writableLength: unsent = 0, bytesWritten: written = 0 } = this.#socket ?? {}
    if (unsent > 0) [this.#memory, this.#other] = [this.#other, this.#memory]
    if (written - unsent < this.#writtenBefore) this.#memory = new ByteWriter(0)
    this.#writtenBefore = written
    this.#memory.clear()
    return this.#memory
  }

  request(body: Buffer, options: Omit<Dispatcher.RequestOptions, 'body'>): Promise<Dispatcher.ResponseData> {
    // Undici computes the origin for each request otherwise.
    return this.#client.request({ ...options, body, origin: this.#origin })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.destroy()
  }
}
