import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadedBy } from '../../test/support/loaded-by.ts'
import { FeedError } from '../errors/feed-error.ts'
import { loadSink } from './open-sink.ts'
import { sinks } from './sinks.ts'

test('the facts of sinks load no package and nothing that opens a sink', () => {
  const loaded = [...loadedBy(join(import.meta.dirname, 'sinks.ts'))]
  assert.ok(loaded.some((file) => file.endsWith('/kafka/facts.ts')))
  assert.deepEqual(
    loaded.filter((file) => file.endsWith('/open.ts') || (!file.startsWith('/') && !file.startsWith('node:'))),
    [],
  )
})

test('a scheme belongs to one sink, a tag is one sink, and one sink has no scheme', () => {
  const schemes = sinks.flatMap(({ schemes: own, oldSchemes = [] }) => [...own, ...oldSchemes])
  assert.deepEqual(schemes, [...new Set(schemes)])
  const tags = sinks.map(({ tag }) => tag)
  assert.deepEqual(tags, [...new Set(tags)])
  assert.equal(sinks.filter(({ schemes: own }) => own.length === 0).length, 1)
})

test('the module of every sink that is built has what opens it', async () => {
  for (const { tag, open } of sinks) if (open !== undefined) assert.equal(typeof (await open()).open, 'function', tag)
})

test('a job with a sink that only a later version knows, or has built, is retried, and not failed', async () => {
  const later = sinks.find(({ open }) => open === undefined)?.tag as string
  for (const tag of ['pigeons', later]) {
    await assert.rejects(
      async () => loadSink(tag),
      (error) => error instanceof FeedError && error.retry && error.message.endsWith(`has no sink "${tag}"`),
    )
  }
})
