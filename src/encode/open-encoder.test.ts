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

test('every format that is built opens an encoder, and a format that is not built opens none', async () => {
  for (const { name, open } of formats) {
    const spec = specOf({ id: 'x', format: name })
    if (open === undefined) await assert.rejects(openEncoder(spec), { code: 'FEED_BUG' })
    else {
      const out = new ByteWriter()
      const encoder = await openEncoder(spec)
      encoder.encodeResolved(0, { wall: 1n, logical: 0 }, out)
    }
  }
})
