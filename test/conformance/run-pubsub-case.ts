// Cases of jobs into Pub/Sub: what the topics have at the end, with attributes.

import assert from 'node:assert/strict'
import { TestJob } from '../feed/test-job.ts'
import { readMessage, topicOf } from '../services/pubsub/pubsub-destination.ts'
import type { PublishedMessage } from '../services/pubsub/pubsub-server.ts'
import { until } from '../support/until.ts'
import type { ConformanceCase } from './cases.ts'
import { inOwnDatabase, type CaseWorld } from './run-case.ts'

const withinMs = 30_000

export async function runPubsubCase(world: CaseWorld, original: ConformanceCase): Promise<void> {
  const { server, pubsub } = world
  assert.ok(pubsub !== undefined)
  const project = original.id
  await inOwnDatabase(world, original, async ({ client, placeholders }) => {
    placeholders.set('project', project)
    const { rows } = await client.query<{ job_id: string }>(placeholders.fill(original.feed))
    const job = new TestJob(server, String(rows[0]?.job_id))
    try {
      for (const { sql, expect = [] } of original.steps) {
        if (sql !== undefined) await client.query(sql)
        if (expect.length === 0) continue
        const published: readonly PublishedMessage[] = await until(`${expect.length} messages`, withinMs, async () => {
          const all: readonly PublishedMessage[] = await pubsub.published(project)
          return all.length >= expect.length ? all : undefined
        })
        assert.deepEqual(published.map(inWords).sort(), expect.toSorted())
        for (const message of published) assert.equal(readMessage(message).topic, topicOf(message))
      }
    } finally {
      await job.cancel()
    }
  })
}

function inWords(message: PublishedMessage): string {
  const topic = topicOf(message)
  const attributes = Object.entries(message.attributes).map(([name, value]) => `${JSON.stringify(name)}: "${value}"`)
  return attributes.length === 0
    ? `topic ${topic}, no attributes`
    : `message on topic ${topic} with attributes {${attributes.join(', ')}}`
}
