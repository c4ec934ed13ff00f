// Calls methods of a gRPC service with bytes that are requests already. The library keeps the connection and opens it again.

import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js'
import { onAbort } from '../../async/or-abort.ts'
import type { PubsubEndpoint } from './spec.ts'

export { status as grpcStatus }

/** What the server, or the library in its place, said in place of an answer. */
export class GrpcError extends Error {
  readonly status: status

  constructor({ code, details }: Pick<ServiceError, 'code' | 'details'>) {
    super(details.replace(/\s+/g, ' ').trim())
    this.status = code
  }
}

export interface CallOptions {
  readonly headers: Iterable<readonly [name: string, value: string]>
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const same = (bytes: Buffer): Buffer => bytes

export class GrpcChannel implements Disposable {
  readonly #endpoint: PubsubEndpoint
  #client: Client

  constructor(endpoint: PubsubEndpoint) {
    this.#endpoint = endpoint
    this.#client = connect(endpoint)
  }

  /** `method`: `/service/Method`. The memory of the request may be used again when the call has succeeded. Throws GrpcError, or the reason of the signal. */
  async call(method: string, request: Buffer, { headers, timeoutMs, signal }: CallOptions): Promise<Buffer> {
    signal.throwIfAborted()
    const metadata = new Metadata()
    for (const [name, value] of headers) metadata.set(name, value)
    const answer = Promise.withResolvers<Buffer>()
    const options = { deadline: Date.now() + timeoutMs }
    const client = this.#client
    const call = client.makeUnaryRequest(method, same, same, request, metadata, options, (error, bytes) => {
      if (error === null) answer.resolve(bytes ?? Buffer.alloc(0))
      else answer.reject(signal.aborted ? signal.reason : new GrpcError(error))
      if (error?.code === status.DEADLINE_EXCEEDED) this.#leave(client)
    })
    using _listening = onAbort(signal, () => call.cancel())
    return await answer.promise
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }

  /** A connection that answers nothing may be dead without anybody having said so. The next call opens another one. */
  #leave(client: Client): void {
    if (this.#client !== client) return
    this.#client = connect(this.#endpoint)
    client.close()
  }
}

function connect({ host, port, isEmulator }: PubsubEndpoint): Client {
  return new Client(`dns:${host}:${port}`, isEmulator ? credentials.createInsecure() : credentials.createSsl(), {
    'grpc.primary_user_agent': 'pg-changefeed',
    // A request that failed is sent again by the batching, which warns of it and keeps the order.
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    // Sinks do not share a connection: one that ends must not take it from another.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_send_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': 250,
    'grpc.max_reconnect_backoff_ms': 10_000,
  })
}
