import assert from 'node:assert/strict'
import { test } from 'node:test'
import { specOf } from '../../test/support/spec-of.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { builtFormatNames, defaultFormat, formatNames } from './format-names.ts'
import { formats } from './formats.ts'
import { openEncoder } from './open-encoder.ts'

test('names of formats are in lower case and each is there once, and the default is built', () => {
  assert.deepEqual([...new Set(formatNames)], formatNames)
  for (const name of formatNames) assert.equal(name, name.toLowerCase())
  assert.ok(builtFormatNames.includes(defaultFormat))
})

test('a job whose format only a later version has is told so, and is retried', async () => {
  for (const format of ['csv', 'smoke signals']) {
    await assert.rejects(openEncoder(specOf({ format })), {
      code: 'FEED_UNEXPECTED',
      message: `this version of pg-changefeed has no format "${format}"`,
    })
  }
})

test('every format that is built opens an encoder', async () => {
  for (const { name, open } of formats) {
    if (open === undefined) continue
    const out = new ByteWriter()
    const encoder = await openEncoder(specOf({ format: name }))
    encoder.encodeResolved(0, { wall: 1n, logical: 0 }, out)
    assert.ok(out.length > 0)
  }
})
