import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { certificateOf } from '../../test/support/servers/certificates.ts'
import { certificateExpiry, firstEndMs } from './certificate-end.ts'

const { cert, ca } = certificateOf('front')
const day = 24 * 3_600_000
const nowMs = Date.parse('2026-01-31T12:00:00Z')

test('the end of a file is that of the certificate in it that ends first', () => {
  const [own, authority] = [readFileSync(cert, 'utf8'), readFileSync(ca, 'utf8')]
  const first = Math.min(firstEndMs(own), firstEndMs(authority))
  assert.equal(firstEndMs(`${own}${authority}`), first)
  assert.equal(firstEndMs(`${authority}text between them\n${own}`), first)
  assert.equal(firstEndMs(`${own}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`), firstEndMs(own))
  assert.throws(() => firstEndMs('text'))
})

test('an end is worth mentioning from two weeks before on', () => {
  const expiry = (ms: number) => certificateExpiry({ flag: '--tls-cert', endMs: nowMs + ms }, { nowMs })
  assert.equal(expiry(15 * day), undefined)
  assert.deepEqual(expiry(13 * day), {
    isOver: false,
    error: 'the certificate in --tls-cert expires at 2026-02-13T12:00:00.000Z',
    hint: 'put another one there, and send SIGHUP to this server',
  })
  assert.deepEqual(
    [expiry(0)?.isOver, expiry(-day)?.error],
    [true, 'the certificate in --tls-cert has expired at 2026-01-30T12:00:00.000Z'],
  )
  const authority = certificateExpiry({ flag: '--tls-client-ca', endMs: nowMs }, { nowMs, file: '/etc/ca.pem' })
  assert.match(authority?.error ?? '', /^an authority in --tls-client-ca=\/etc\/ca\.pem has expired at /)
})
