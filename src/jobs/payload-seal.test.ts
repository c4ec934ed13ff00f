import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SinkSpec } from '../core/feed-spec.ts'
import { FeedError } from '../errors/feed-error.ts'
import { PayloadSeal } from './payload-seal.ts'

const sink = {
  tag: 'kafka',
  brokers: ['b:9092'],
  sasl: { mechanism: 'PLAIN', user: 'me', password: 'hunter2' },
  retry: { max: Number.POSITIVE_INFINITY, backoffMs: 1 },
} as unknown as SinkSpec

test('a registry comes back as it was, for its own job only, and is not taken for a sink', () => {
  const seal = new PayloadSeal(Buffer.alloc(32), 'a test')
  const registry = { urls: ['https://r:8081'], user: 'me', password: 'hunter2', timeoutMs: 30_000 }
  const sealed = seal.sealRegistry(registry, '7')
  assert.deepEqual(seal.unsealRegistry(sealed, '7'), registry)
  assert.ok(!JSON.stringify(sealed).includes('hunter2'))
  assert.throws(() => seal.unsealRegistry(sealed, '8'), /the schema registry of job 8 cannot be decrypted/)
  assert.throws(() => seal.unseal(sealed, '7'), /the sink of job 7 cannot be decrypted/)
})

test('a sink comes back as it was, for its own job and with the same key only', () => {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-seal-'))
  try {
    const path = join(dir, 'jobs.key')
    const sealed = PayloadSeal.open(path).seal(sink, '7')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.ok(!JSON.stringify(sealed).includes('hunter2'))
    assert.deepEqual(PayloadSeal.open(path).unseal(sealed, '7'), sink)
    assert.notDeepEqual(PayloadSeal.open(path).seal(sink, '7'), sealed)
    const refused = (error: FeedError): boolean => error.code === 'FEED_SECRET' && !error.message.includes('hunter2')
    assert.throws(() => PayloadSeal.open(path).unseal(sealed, '8'), refused)
    assert.throws(() => new PayloadSeal(Buffer.alloc(32), 'another').unseal(sealed, '7'), refused)
    assert.throws(() => PayloadSeal.open(path).unseal({ tag: 'sealed', text: 'AAAA' }, '7'), refused)
    assert.deepEqual(PayloadSeal.open(path).unseal(sink, '7'), sink)
    writeFileSync(path, 'short')
    assert.throws(() => PayloadSeal.open(path), /the key file .* is damaged: it has 5 bytes, not 32/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
