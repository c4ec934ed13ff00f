// The methods of Pub/Sub that a sink needs. A topic that does not exist is created.

import type { SinkLog } from '../sink-facts.ts'
import { GrpcChannel, GrpcError, grpcStatus } from './grpc-channel.ts'
import { field } from './publish-request.ts'
import { grpcFailed, topicFailed } from './pubsub-errors.ts'

const service = '/google.pubsub.v1.Publisher'
const permissions = '/google.iam.v1.IAMPolicy/TestIamPermissions'
const mayPublish = 'pubsub.topics.publish'
/** Topics that are looked up at the same time. */
const lookUps = 16

export interface PublisherOptions {
  /** The name of Pub/Sub in messages. */
  readonly name: string
  readonly channel: GrpcChannel
  /** Gives the headers that authorize a request; undefined: none are needed. */
  readonly tokens: { headers(signal: AbortSignal): Promise<Headers>; forget(): void } | undefined
  readonly timeoutMs: number
  readonly log: SinkLog
}

/** Topics are named `projects/…/topics/…`. */
export class Publisher implements Disposable {
  readonly #options: PublisherOptions
  readonly #creating = new Map<string, Promise<void>>()

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  /** Throws GrpcError if Pub/Sub has not confirmed the request, and FeedError if the request could not be made. */
  async publish(topic: string, request: Buffer, signal: AbortSignal): Promise<void> {
    try {
      await this.#call(`${service}/Publish`, topic, request, signal)
    } catch (error) {
      if (!hasStatus(error, grpcStatus.NOT_FOUND)) throw error
      await this.#create(topic, signal)
      await this.#call(`${service}/Publish`, topic, request, signal)
    }
  }

  /** Creates the topics that do not exist. Throws FeedError if that is not allowed, or if messages may not be published. */
  async prepare(topics: readonly string[], signal: AbortSignal): Promise<void> {
    for (let i = 0; i < topics.length; i += lookUps)
      await Promise.all(topics.slice(i, i + lookUps).map((topic) => this.#prepare(topic, signal)))
  }

  [Symbol.dispose](): void {
    this.#options.channel[Symbol.dispose]()
  }

  async #prepare(topic: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#call(`${service}/GetTopic`, topic, field(1, topic), signal)
    } catch (error) {
      if (hasStatus(error, grpcStatus.NOT_FOUND)) await this.#create(topic, signal)
      // Whoever may only publish may not look at the topic.
      else if (hasStatus(error, grpcStatus.PERMISSION_DENIED)) await this.#checkRights(topic, error, signal)
      else throw this.#failed(error, topic)
    }
  }

  async #checkRights(topic: string, refusal: GrpcError, signal: AbortSignal): Promise<void> {
    const request = Buffer.concat([field(1, topic), field(2, mayPublish)])
    const answer = await this.#call(permissions, topic, request, signal).catch((error: unknown) => {
      throw this.#failed(error, topic)
    })
    if (!answer.includes(mayPublish)) throw topicFailed(this.name, topic, refusal)
  }

  /** Lanes that find out at the same time that a topic is missing create it once. */
  async #create(topic: string, signal: AbortSignal): Promise<void> {
    let creating = this.#creating.get(topic)
    if (creating === undefined) {
      creating = this.#createNow(topic, signal).finally(() => this.#creating.delete(topic))
      this.#creating.set(topic, creating)
    }
    await creating
  }

  async #createNow(topic: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#call(`${service}/CreateTopic`, topic, field(1, topic), signal)
      this.#options.log(
        'warn',
        `the topic ${topic} did not exist and was created: what is published before it has a subscription reaches nobody`,
      )
    } catch (error) {
      // Another changefeed was faster.
      if (hasStatus(error, grpcStatus.ALREADY_EXISTS)) return
      throw error instanceof GrpcError ? topicFailed(this.name, topic, error) : error
    }
  }

  #failed(error: unknown, topic: string): unknown {
    return error instanceof GrpcError ? grpcFailed(this.name, error, topic) : error
  }

  async #call(method: string, topic: string, request: Buffer, signal: AbortSignal): Promise<Buffer> {
    const { channel, tokens, timeoutMs } = this.#options
    const headers = [...((await tokens?.headers(signal)) ?? [])] as [string, string][]
    // Google routes requests by it.
    headers.push(['x-goog-request-params', `topic=${encodeURIComponent(topic)}`])
    try {
      return await channel.call(method, request, { headers, timeoutMs, signal })
    } catch (error) {
      if (hasStatus(error, grpcStatus.UNAUTHENTICATED)) await this.#forget(headers, signal)
      throw error
    }
  }

  /** Many requests are refused for the same token. One of them forgets it, and the others find another one. */
  async #forget(refused: readonly (readonly [string, string])[], signal: AbortSignal): Promise<void> {
    const { tokens } = this.#options
    const now = await tokens?.headers(signal).catch(() => undefined)
    if (refused.some(([name, value]) => name === 'authorization' && now?.get(name) === value)) tokens?.forget()
  }
}

function hasStatus(error: unknown, status: number): error is GrpcError {
  return error instanceof GrpcError && error.status === status
}
