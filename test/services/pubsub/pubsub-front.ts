// Stands before the server of Pub/Sub and behaves as Google does where that server does not: it takes one ordering key in a request, limits the
// size of requests, and asks for a token. It can be told to misbehave.

import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import { setImmediate } from 'node:timers/promises'
import { GrpcChannel, GrpcError } from '../../../src/sink/pubsub/grpc-channel.ts'
import { field } from '../../../src/sink/pubsub/publish-request.ts'
import { fieldsOf } from './protocol-buffers.ts'
import { PubsubServer, type PublishedMessage } from './pubsub-server.ts'

/** What happens to a request: `take` it; `lose` takes it and answers that it failed; `hang` answers nothing. An answer is given in place of taking it. */
export type Trouble = 'take' | 'lose' | 'hang' | { readonly code: status; readonly details: string }

export interface FrontRequest {
  /** Publish, GetTopic, CreateTopic or TestIamPermissions. */
  readonly method: string
  /** `projects/…/topics/…` */
  readonly topic: string
  readonly authorization: string | undefined
  /** Of the messages in a Publish. */
  readonly orderingKey: string
  readonly messages: number
  readonly bytes: number
  readonly atMs: number
}

export interface FrontOptions {
  readonly server: PubsubServer
  /** The token that is asked for; undefined: none. */
  readonly token?: string
}

const methods = ['Publish', 'GetTopic', 'CreateTopic'].map((name) => `/google.pubsub.v1.Publisher/${name}`)
const deletion = '/google.pubsub.v1.Publisher/DeleteTopic'
const permissions = '/google.iam.v1.IAMPolicy/TestIamPermissions'
/** The size of a request that Google takes. */
const mostBytes = 10 * 1024 * 1024
const same = (bytes: Buffer): Buffer => bytes

export class PubsubFront implements AsyncDisposable {
  readonly #behind: PubsubServer
  readonly #channel: GrpcChannel
  readonly #server = new Server({ 'grpc.max_receive_message_length': mostBytes })
  readonly #bugs: unknown[] = []
  #broken: PromiseWithResolvers<void> | undefined
  #forwarded = Promise.resolve()
  trouble: (request: FrontRequest) => Trouble = () => 'take'
  token: string | undefined
  /** The permissions that TestIamPermissions answers with. */
  permissions: readonly string[] = ['pubsub.topics.publish']
  readonly requests: FrontRequest[] = []
  /** Publish requests that are being answered, and the most of them at the same time. */
  present = 0
  mostPresent = 0
  port = 0

  private constructor({ server, token }: FrontOptions) {
    this.#behind = server
    this.token = token
    const [host = '', port] = server.address.split(':')
    this.#channel = new GrpcChannel({ host, port: Number(port), isEmulator: true })
    const definitions = [...methods, permissions].map((path) => {
      const own = { path, requestStream: false, responseStream: false } as const
      return [
        path,
        {
          ...own,
          requestSerialize: same,
          requestDeserialize: same,
          responseSerialize: same,
          responseDeserialize: same,
        },
      ] as const
    })
    const handlers = [...methods, permissions].map((path) => {
      const handler = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void => {
        this.#answer(path, call).then(
          (bytes) => answer(null, bytes),
          (error: unknown) => answer(this.#statusOf(error)),
        )
      }
      return [path, handler] as const
    })
    this.#server.addService(Object.fromEntries(definitions), Object.fromEntries(handlers))
  }

  static async start(options: FrontOptions): Promise<PubsubFront> {
    const front = new PubsubFront(options)
    const bound = Promise.withResolvers<number>()
    front.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? bound.resolve(port) : bound.reject(error),
    )
    front.port = await bound.promise
    // The connection to the server is opened now, so that tests can count those that follow.
    await front.#forward('/google.pubsub.v1.Publisher/GetTopic', Buffer.alloc(0)).catch(() => undefined)
    return front
  }

  /** host:port */
  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  published(project: string, from?: number): Promise<readonly PublishedMessage[]> {
    return this.#behind.published(project, from)
  }

  /** As somebody else does who may: `projects/…/topics/…` is no more, if it was there. */
  async deleteTopic(topic: string): Promise<void> {
    await this.#forward(deletion, field(1, topic)).catch((error: unknown) => {
      if (!(error instanceof GrpcError) || error.status !== status.NOT_FOUND) throw error
    })
  }

  /** The Publish requests that came, whatever became of them. */
  get publishes(): readonly FrontRequest[] {
    return this.requests.filter(({ method }) => method === 'Publish')
  }

  /** Throws what the front noticed. */
  check(): void {
    if (this.#bugs.length > 0) throw new AggregateError(this.#bugs)
  }

  /** From here on nothing is answered, until the front is mended. */
  break(): void {
    this.#broken ??= Promise.withResolvers()
  }

  mend(): void {
    this.#broken?.resolve()
    this.#broken = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.mend()
    this.#server.forceShutdown()
    this.#channel[Symbol.dispose]()
    await setImmediate()
  }

  async #answer(path: string, call: ServerUnaryCall<Buffer, Buffer>): Promise<Buffer> {
    const method = path.split('/').at(-1) ?? ''
    const fields = fieldsOf(call.request)
    const messages = method === 'Publish' ? fields.filter(({ number }) => number === 2) : []
    const keys = new Set(messages.map(({ value }) => textOf(value, 5)))
    const authorization = call.metadata.get('authorization')[0]?.toString()
    const seen: FrontRequest = {
      method,
      topic: textOf(call.request, 1),
      authorization,
      orderingKey: [...keys][0] ?? '',
      messages: messages.length,
      bytes: call.request.length,
      atMs: performance.now(),
    }
    this.requests.push(seen)
    if (keys.size > 1) {
      const details =
        'In a single publish request, all messages must have no ordering key or they must all have the same ordering key.'
      this.#bugs.push(new Error(details))
      throw new GrpcError({ code: status.INVALID_ARGUMENT, details })
    }
    if (messages.length > 1000) this.#bugs.push(new Error(`${messages.length} messages in a request`))
    if (call.metadata.get('x-goog-request-params')[0] !== `topic=${encodeURIComponent(seen.topic)}`)
      this.#bugs.push(new Error('a request does not say how it is routed'))
    if (this.token !== undefined && authorization !== `Bearer ${this.token}`)
      throw new GrpcError({ code: status.UNAUTHENTICATED, details: 'Request had invalid authentication credentials.' })
    if (method === 'Publish') this.present += 1
    this.mostPresent = Math.max(this.mostPresent, this.present)
    try {
      // Another request may arrive before this one is answered.
      await setImmediate()
      if (this.#broken !== undefined) await this.#broken.promise
      return await this.#settle(path, seen, call)
    } finally {
      if (method === 'Publish') this.present -= 1
    }
  }

  async #settle(path: string, seen: FrontRequest, call: ServerUnaryCall<Buffer, Buffer>): Promise<Buffer> {
    const trouble = this.trouble(seen)
    if (trouble === 'hang') return new Promise(() => undefined)
    if (typeof trouble === 'object') throw new GrpcError(trouble)
    // A client that has given up is not served any more.
    if (call.cancelled) throw new GrpcError({ code: status.CANCELLED, details: 'cancelled' })
    if (path === permissions) return permissionsAnswer(this.permissions)
    const answer = await this.#forward(path, call.request)
    if (trouble === 'lose') throw new GrpcError({ code: status.UNAVAILABLE, details: 'The answer is lost.' })
    return answer
  }

  /** One after the other, so that rows that are sent together are published in their order, and tests can compare lists. */
  #forward(path: string, request: Buffer): Promise<Buffer> {
    const options = { headers: [], timeoutMs: 60_000, signal: new AbortController().signal }
    const answer = this.#forwarded.then(() => this.#channel.call(path, request, options))
    this.#forwarded = answer.then(
      () => undefined,
      () => undefined,
    )
    return answer
  }

  #statusOf(error: unknown): { readonly code: status; readonly details: string } {
    if (error instanceof GrpcError) return { code: error.status, details: error.message }
    this.#bugs.push(error)
    return { code: status.INTERNAL, details: String(error) }
  }
}

function textOf(message: Buffer, wanted: number): string {
  return (
    fieldsOf(message)
      .find(({ number }) => number === wanted)
      ?.value.toString() ?? ''
  )
}

function permissionsAnswer(granted: readonly string[]): Buffer {
  return Buffer.concat(granted.map((name) => Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)])))
}
