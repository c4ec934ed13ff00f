// The feed of a job into Pub/Sub, as its topics have it, in the order in which messages were published.

import { setTimeout as delay } from 'node:timers/promises'
import type { TestServer } from '../server/test-server.ts'
import type { PubsubFront } from '../services/pubsub/pubsub-front.ts'
import { topicOf } from '../services/pubsub/pubsub-destination.ts'
import type { PublishedMessage } from '../services/pubsub/pubsub-server.ts'
import { rawMembers } from '../support/raw-json.ts'
import { JobFeed, type OpenReader } from './job-feed.ts'
import type { FeedMessage } from './test-feed.ts'

/** How long nobody asks for new messages. */
const pauseMs = 20

export interface PubsubFeedOptions {
  readonly server: TestServer
  readonly front: PubsubFront
  /** No other feed has it. */
  readonly project: string
  readonly statement: string
  readonly values?: readonly string[]
}

export function openPubsubFeed({ front, project, ...options }: PubsubFeedOptions): Promise<JobFeed> {
  return JobFeed.open({ ...options, read: readPubsub(front, project) })
}

/** Reads all topics of a project, in the order in which messages were published. */
export function readPubsub(front: PubsubFront, project: string): OpenReader {
  return (take) => {
    let next = 0
    let reading = Promise.resolve()
    const read = (): Promise<void> =>
      (reading = reading.then(async () => {
        for (const message of await front.published(project, next)) {
          next = message.n + 1
          for (const one of feedMessages(message)) take(one)
        }
      }))
    let isOver = false
    const following = (async () => {
      while (!isOver) {
        await read()
        await delay(pauseMs)
      }
    })()
    return {
      drained: () => read(),
      async [Symbol.asyncDispose]() {
        isOver = true
        await following
        front.check()
      },
    }
  }
}

export function feedMessages(message: PublishedMessage): readonly FeedMessage[] {
  const text = message.data.toString()
  const partition = ''
  if (!text.startsWith('{')) return [{ topic: topicOf(message), partition, key: '', value: text }]
  const members = new Map(rawMembers(text).map(({ name, text: value }) => [name, value]))
  const value = members.get('Value')
  if (value === undefined) return [{ topic: undefined, partition, key: '', value: text }]
  const topic = JSON.parse(members.get('Topic') ?? '""') as string
  return [{ topic, partition, key: members.get('Key') ?? '', value }]
}
