// One connection to the endpoint, for one request at a time. It is opened with the first request, and again after it broke.

import type { Socket } from 'node:net'
import { Client, type buildConnector, type Dispatcher } from 'undici'

export class Connection implements AsyncDisposable {
  readonly #client: Client
  #socket: Socket | undefined

  constructor(origin: string, connect: buildConnector.connector) {
    this.#client = new Client(origin, {
      connect: (options, callback) =>
        connect(options, (...result) => {
          this.#socket = result[1] ?? undefined
          callback(...result)
        }),
      // `Endpoint.post` has its own time limit, which is that of the whole request.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    return this.#client.request(options)
  }

  /** The system has all that was written. An endpoint may have answered before it has read a request, which is then still in our memory. */
  get hasSent(): boolean {
    return this.#socket?.writableLength === 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.destroy()
  }
}
