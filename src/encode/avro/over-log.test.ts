// A feed in Avro over a written log: when schemas are registered, and with which columns rows are written.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedMeter } from '../../core/feed-meter.ts'
import { specOf } from '../../../test/support/spec-of.ts'
import { SmallRegistry } from '../../../test/support/small-registry.ts'
import { insert, relid, remove, TableLook, textColumn, update, WrittenLog } from '../../../test/support/written-log.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import { newProgress } from '../../feed/feed-run.ts'
import { runFeed } from '../../feed/run-feed.ts'
import type { Sink } from '../../sink/sink.ts'

const narrow = new TableLook()
const [a, b] = narrow.columns
assert.ok(a !== undefined && b !== undefined)
const wide = new TableLook({ columns: [a, { ...b, name: 'renamed' }, textColumn('c', 3)] })

async function messages(files: WrittenLog, registry: SmallRegistry, spec: Partial<FeedSpec>): Promise<string[]> {
  const sent: string[] = []
  const text = (bytes: Buffer): string => registry.schemas.decode(bytes).text
  const sink: Sink = {
    emit: async ({ bytes, schemas, keyStarts, valueStarts, valueEnds, count }) => {
      for (let i = 0; i < count; i++) {
        const key = Buffer.from(bytes.buffer.subarray(keyStarts[i], valueStarts[i]))
        const value = Buffer.from(bytes.buffer.subarray(valueStarts[i], valueEnds[i]))
        assert.equal(schemas[i], value.readUInt32BE(1), 'a batch says with which schema a value was written')
        sent.push(`${text(key)}->${text(value)}`)
      }
    },
    flush: async () => undefined,
    emitResolved: async ({ payload }) => {
      sent.push(text(Buffer.from(payload(0))))
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
  await runFeed({
    spec: specOf({
      format: 'avro',
      registry: { urls: [registry.url], timeoutMs: 10_000 },
      targets: [{ relid, topic: 't', tableName: 't' }],
      initialScan: 'no',
      cursor: files.start,
      schemaChanges: { events: 'default', policy: 'nobackfill' },
      ...spec,
    }),
    log: files.log,
    source: { host: '', port: 0, user: '', database: '' },
    sink,
    startPosition: files.log.status.tail,
    startTime: files.start,
    resume: undefined,
    save: undefined,
    signal: new AbortController().signal,
    progress: newProgress(),
    meter: feedMeter(),
  })
  return sent
}

test('rows are written with the schema of their columns, and a row from before a DDL in their transaction with those at its end', async () => {
  await using registry = await SmallRegistry.start()
  using files = await WrittenLog.open()
  files.transaction([narrow, insert(['1', 'x'])])
  files.transaction([wide, update(['1', 'x', ''], ['1', 'y', 'z'])])
  const endTime = files.transaction([remove(['1', 'y', 'z'])])
  await files.writer.flush()
  await files.writer.close()
  assert.deepEqual(await messages(files, registry, { endTime, diff: true }), [
    '{"a":{"long":1}}->{"before":null,"after":{"t":{"a":{"long":1},"b":{"string":"x"}}}}',
    '{"a":{"long":1}}->{"before":{"t_before":{"a":{"long":1},"renamed":{"string":"x"},"c":null}},"after":{"t":{"a":{"long":1},"renamed":{"string":"y"},"c":{"string":"z"}}}}',
    '{"a":{"long":1}}->{"before":{"t_before":{"a":{"long":1},"renamed":{"string":"y"},"c":{"string":"z"}}},"after":null}',
  ])
  assert.deepEqual(registry.schemas.subjects, ['t-key', 't-value', 't-value'], 'the schema of the key has not changed')
})

test('the schema of resolved messages is registered before the first of them, once', async () => {
  await using registry = await SmallRegistry.start()
  using files = await WrittenLog.open()
  files.transaction([narrow, insert(['1', 'x'])])
  await files.writer.flush()
  const endTime = files.transaction([insert(['2', 'x'])])
  await files.writer.flush()
  await files.writer.close()
  const sent = await messages(files, registry, { endTime, resolvedIntervalMs: 0, minCheckpointMs: 0 })
  const resolved = sent.filter((line) => line.startsWith('{"resolved"'))
  assert.equal(resolved.at(-1), `{"resolved":{"string":"${endTime.wall}.0000000000"}}`)
  assert.ok(resolved.length > 1)
  assert.equal(registry.registrations, 3)
  assert.deepEqual(registry.schemas.subjects, ['t-key', 't-value', 't-value'])
})
