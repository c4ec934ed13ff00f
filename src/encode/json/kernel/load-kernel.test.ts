import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { rememberProgram } from '../../../errors/replaced-program.ts'
import { loadKernel, readKernel } from './load-kernel.ts'

/** An empty function whose body is an instruction that no machine has, as one with SIMD is to a machine without it. */
const unknownInstruction = Buffer.from('0061736d01000000010401600000030201000a05010300ff0b', 'hex')

test('a clone and a package have the kernel, and nothing is said', () => {
  assert.notEqual(
    loadKernel((why) => assert.fail(why)),
    undefined,
  )
})

test('where the kernel is missing or has unknown instructions, the reason is known', () => {
  const missing = readKernel(() => {
    throw new Error('ENOENT: no such file')
  })
  assert.deepEqual(missing, { tag: 'none', why: 'ENOENT: no such file' })
  const unknown = readKernel(() => unknownInstruction)
  assert.deepEqual(unknown, { tag: 'none', why: 'this machine has no SIMD instructions for WebAssembly' })
})

test('CHANGEFEED_KERNEL=off is the encoder in JavaScript, without a word', () => {
  process.env['CHANGEFEED_KERNEL'] = 'off'
  try {
    assert.deepEqual(
      readKernel(() => assert.fail('it is not read')),
      { tag: 'none', why: undefined },
    )
  } finally {
    delete process.env['CHANGEFEED_KERNEL']
  }
})

// The last test: what is remembered stays.
test('the kernel of a package that was replaced while the server runs is not used: it may write something else', () => {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-kernel-'))
  after(() => rmSync(dir, { recursive: true }))
  const manifest = join(dir, 'package.json')
  writeFileSync(manifest, '{"version": "0.1.0"}')
  rememberProgram([manifest])
  const read = (): Buffer => {
    // The new files come while the kernel is read.
    writeFileSync(manifest, '{"version": "0.2.0"}')
    return readFileSync(new URL('../../../../dist/kernel/encode.wasm', import.meta.url))
  }
  const why = 'the program was replaced while this server runs, version 0.1.0 by 0.2.0; restart it'
  assert.deepEqual(readKernel(read), { tag: 'none', why })
})
