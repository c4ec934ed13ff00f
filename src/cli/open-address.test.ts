import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHttpWarning } from './open-address.ts'

test('the warning about the HTTP port says whether it takes TLS', async () => {
  assert.match((await openHttpWarning({ host: '0.0.0.0', port: 0 }, false)) ?? '', /without encryption and passwords/)
  assert.match(
    (await openHttpWarning({ host: '0.0.0.0', port: 0 }, true)) ?? '',
    /without a password, over http:.* https:/,
  )
  assert.equal(await openHttpWarning({ host: 'localhost', port: 0 }, false), undefined)
})
