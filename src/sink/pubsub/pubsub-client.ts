// Publishes the batches of lanes, one lane in a request, and says what became of them.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Delivery, LaneClient, SendResult } from '../batching/lane-client.ts'
import { sizeAndTime } from '../batching/too-large.ts'
import { GrpcError } from './grpc-channel.ts'
import { writePublishRequest, type PubsubPlace } from './publish-request.ts'
import type { Publisher } from './publisher.ts'
import type { PubsubBody } from './pubsub-body.ts'
import { outcomeOf } from './pubsub-errors.ts'

type PubsubDelivery = Delivery<PubsubPlace, PubsubBody>

/** The memory of larger requests is not kept. */
const maxSpareBytes = 128 * 1024
/** How long nothing is sent when a quota is used up. */
const quotaPauseMs = 1000

export class PubsubClient implements LaneClient<PubsubPlace, PubsubBody> {
  readonly #publisher: Publisher
  /** The memory of requests that were answered. There are no more than requests at the same time. */
  readonly #spares: ByteWriter[] = []

  constructor(publisher: Publisher) {
    this.#publisher = publisher
  }

  get name(): string {
    return this.#publisher.name
  }

  async send(_route: number, deliveries: readonly PubsubDelivery[], signal: AbortSignal): Promise<SendResult> {
    const [delivery] = deliveries
    if (delivery === undefined || deliveries.length > 1)
      throw new FeedError('FEED_BUG', `${deliveries.length} lanes in a request to Pub/Sub`)
    const { place, body } = delivery
    const out = this.#spares.pop() ?? new ByteWriter(2048)
    out.clear()
    writePublishRequest(place, body, out)
    try {
      await this.#publisher.publish(place.topic, out.view(), signal)
    } catch (error) {
      if (!(error instanceof GrpcError)) throw error
      const outcome = outcomeOf(this.name, error, place.topic)
      return { outcomes: [outcome], pauseMs: outcome.tag === 'later' ? quotaPauseMs : 0 }
    }
    if (out.buffer.length <= maxSpareBytes) this.#spares.push(out)
    return { outcomes: [{ tag: 'delivered' }], pauseMs: 0 }
  }

  tooLarge({ place, body }: PubsubDelivery): FeedError {
    return new FeedError(
      'FEED_SINK',
      `message too large: ${this.name} does not take it for ${place.topic} (${sizeAndTime(body)})`,
      {
        hint: 'Pub/Sub takes at most 10 MB in a message',
      },
    )
  }

  toError(error: unknown): FeedError {
    if (error instanceof FeedError) return error
    const said = error instanceof Error ? error.message : String(error)
    return new FeedError('FEED_SINK', `${this.name} cannot be reached: ${said}`, { cause: error })
  }
}
