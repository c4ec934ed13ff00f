import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Facts } from '../facts/facts.ts'
import { version } from './version.ts'

test('versions before 14 are refused, and versions after 18 are named as not tried', () => {
  const judge = (number: number, versionText: string): string | undefined => {
    const judgement = version.judge({ server: { version: number, versionText } } as Facts)
    return judgement && `${judgement.verdict}: ${judgement.what}`
  }
  assert.equal(
    judge(130_014, 'PostgreSQL 13.14 on x86_64'),
    'failure: PostgreSQL 13.14 is too old: pg-changefeed reads PostgreSQL 14 to 18',
  )
  assert.equal(judge(140_000, 'PostgreSQL 14.0, compiled'), 'ok: PostgreSQL 14.0')
  assert.equal(judge(180_004, 'PostgreSQL 18.4 (Debian)'), 'ok: PostgreSQL 18.4')
  assert.match(judge(190_000, 'PostgreSQL 19beta1') ?? '', /^warning: PostgreSQL 19beta1 is newer/)
})
