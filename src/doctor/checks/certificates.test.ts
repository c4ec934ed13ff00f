import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CertificateEnd } from '../../core/certificate-end.ts'
import type { Facts } from '../facts/facts.ts'
import { certificates } from './certificates.ts'

const nowMs = Date.parse('2026-01-31T12:00:00Z')
const day = 24 * 3_600_000

function judge(ends: readonly CertificateEnd[]): string | undefined {
  const judgement = certificates.judge({ certificates: ends, nowMs } as unknown as Facts)
  return judgement && `${judgement.verdict}: ${judgement.what}`
}

test('certificates of our server that end within two weeks, or have ended, are a warning', () => {
  const cert = (days: number): CertificateEnd => ({ flag: '--tls-cert', endMs: nowMs + days * day })
  const authority = (days: number): CertificateEnd => ({ flag: '--tls-client-ca', endMs: nowMs + days * day })
  assert.equal(judge([]), undefined)
  assert.equal(judge([cert(100), authority(50)]), 'ok: the certificates of our server last until 2026-03-22')
  assert.match(judge([cert(13), authority(50)]) ?? '', /^warning: the certificate in --tls-cert expires at 2026-02-13/)
  assert.match(
    judge([cert(13), authority(-1)]) ?? '',
    /^warning: the certificate in --tls-cert expires at \S+; an authority in --tls-client-ca has expired at 2026-01-30/,
  )
})
