import assert from 'node:assert/strict'
import { test } from 'node:test'
import { saidBy } from './said-by.ts'

test('what a far end says is one line without the secrets, tokens and signatures that it was sent', () => {
  const secret = 's3cret+/='
  assert.equal(
    saidBy(`no:\n${secret} and ${encodeURIComponent(secret)}`, [secret, undefined]),
    'no: redacted and redacted',
  )
  for (const [text, shown] of [
    ['{"authorization":"Bearer ya29.abc_d-e"}', '{"authorization":"Bearer redacted"}'],
    ['AWS4-HMAC-SHA256 Credential=id/1/r, Signature=0123abc', 'AWS4-HMAC-SHA256 Credential=id/1/r, Signature=redacted'],
    ['"x-amz-security-token":"abc/+="', '"x-amz-security-token":"redacted"'],
    ['/lake/x?sv=1&sig=a%2Bb&se=2', '/lake/x?sv=1&sig=redacted&se=2'],
    ['assertion=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ3In0.c2ln ended', 'assertion=redacted ended'],
    ['SharedKey acme:abc+/=', 'SharedKey acme:redacted'],
  ] as const) {
    assert.equal(saidBy(text, []), shown)
  }
  const cut = saidBy(`${'x'.repeat(495)}${secret}`, [secret])
  assert.deepEqual([cut.length, cut.slice(-5)], [500, 'redac'])
})
