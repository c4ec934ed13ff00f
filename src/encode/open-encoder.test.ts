import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadedBy } from '../../test/support/loaded-by.ts'
import { SmallRegistry } from '../../test/support/small-registry.ts'
import { specOf } from '../../test/support/spec-of.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { builtFormatNames, defaultFormat, formatNames } from './format-names.ts'
import { formats } from './formats.ts'
import { openEncoder } from './open-encoder.ts'

test('the facts of formats load no package and no encoder', () => {
  const loaded = [...loadedBy(join(import.meta.dirname, 'formats.ts'))]
  assert.ok(loaded.some((file) => file.endsWith('/json/facts.ts')))
  const folders = formats.filter(({ open }) => open !== undefined).map(({ name }) => `/encode/${name}/`)
  const isEncoder = (file: string): boolean =>
    folders.some((folder) => file.includes(folder)) && !/\/(?:facts|own-names|refused-type)\.ts$/.test(file)
  assert.deepEqual(
    loaded.filter((file) => isEncoder(file) || !file.startsWith('/')),
    [],
  )
})

test('names of formats are in lower case and each is there once, and the default is built', () => {
  assert.deepEqual([...new Set(formatNames)], formatNames)
  for (const name of formatNames) assert.equal(name, name.toLowerCase())
  assert.ok(builtFormatNames.includes(defaultFormat))
})

test('a job whose format only a later version has is told so, and is retried', async () => {
  for (const format of ['protobuf', 'smoke signals']) {
    await assert.rejects(openEncoder(specOf({ format })), {
      code: 'FEED_LATER_VERSION',
      message: `this version of pg-changefeed has no format "${format}"`,
    })
  }
})

test('every format that is built opens an encoder', async () => {
  await using registry = await SmallRegistry.start()
  for (const { name, open, isScanOnly } of formats) {
    if (open === undefined) continue
    const out = new ByteWriter()
    const encoder = await openEncoder(specOf({ format: name, registry: { urls: [registry.url], timeoutMs: 10_000 } }))
    if (isScanOnly === true) continue
    await encoder.prepareResolved(0)
    encoder.encodeResolved(0, { wall: 1n, logical: 0 }, out)
    assert.ok(out.length > 0)
  }
})
