import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recogniseProvider } from '../../postgres/provider.ts'
import type { Facts } from '../facts/facts.ts'
import type { WalRate } from '../facts/wal-rate.ts'
import { walKeep } from './wal-keep.ts'

const provider = recogniseProvider({ settings: [], roles: [], functions: [] })
const mebibyte = 1024 * 1024

function judge(megabytes: number, rate: WalRate): string {
  const settings = { max_slot_wal_keep_size: { value: String(megabytes) } }
  const judgement = walKeep.judge({ server: { settings }, rate, provider } as unknown as Facts)
  return `${judgement?.verdict}: ${judgement?.what}`
}

test('a limit is judged by the average of hours, and by the present rate only if it lasts less than one', () => {
  assert.match(judge(-1, { now: 0, average: undefined }), /^warning: max_slot_wal_keep_size is without limit/)
  assert.equal(
    judge(10_240, { now: 0, average: undefined }),
    'ok: max_slot_wal_keep_size = 10 GB lasts long: no WAL is written now',
  )
  assert.match(judge(10_240, { now: mebibyte, average: undefined }), /^ok: .* lasts 2\.8 hours at 1 MB of WAL/)
  assert.match(judge(10_240, { now: 10 * mebibyte, average: undefined }), /^warning: .* lasts 17 minutes/)
  assert.match(judge(10_240, { now: 0, average: mebibyte }), /^warning: .* lasts 2\.8 hours/)
  assert.match(judge(102_400, { now: 0, average: mebibyte }), /^ok: .* lasts 28 hours/)
})
