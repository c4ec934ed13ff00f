// A checkout whose console cannot be built: the server starts all the same, and everything else that needs the console says why it ends.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
let checkout = ''
before(() => {
  checkout = mkdtempSync(join(tmpdir(), 'changefeed-checkout-'))
  const layout = 'src/encode/json/kernel/layout.ts'
  for (const name of [
    'scripts',
    'bin',
    'console',
    'kernel',
    'src/server/api',
    layout,
    'package.json',
    'package-lock.json',
  ])
    cpSync(join(root, name), join(checkout, name), {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    })
  // The packages of the server are there.
  mkdirSync(join(checkout, 'node_modules'))
  symlinkSync(join(root, 'node_modules/assemblyscript'), join(checkout, 'node_modules/assemblyscript'))
  const lock = createHash('sha256').update(readFileSync(join(checkout, 'package-lock.json')))
  writeFileSync(join(checkout, 'node_modules/.installed'), lock.digest('hex'))
  writeFileSync(join(checkout, 'program.js'), `console.log('started with ' + process.argv.slice(2))`)
})
after(() => rmSync(checkout, { recursive: true }))

/** npm finds nothing: it may not ask anybody, and has stored nothing. */
function run(flag: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const env = { ...process.env, npm_config_offline: 'true', npm_config_cache: join(checkout, 'cache') }
  const args = ['scripts/install.js', flag, 'program.js', 'demo']
  return spawnSync(process.execPath, args, { cwd: checkout, env, encoding: 'utf8', timeout: 180_000 })
}

test('where the packages of the console cannot be had, the server starts, and says that there are no pages', () => {
  const { status, stdout, stderr } = run('--console-if-possible')
  assert.deepEqual([status, stdout], [0, 'started with demo\n'], stderr)
  assert.match(stderr, /^npm install .* failed$/m)
  assert.match(stderr, /^The console is not built: there are no pages at the HTTP address\. Everything else works\./m)
})

test('an earlier build of the console is better than none', () => {
  mkdirSync(join(checkout, 'dist/console'), { recursive: true })
  writeFileSync(join(checkout, 'dist/console/index.html'), '')
  const { status, stderr } = run('--console-if-possible')
  assert.equal(status, 0)
  assert.match(stderr, /^The console is not built: that of an earlier build is served\./m)
})

test('a build and the tests end where the console cannot be built', () => {
  const { status, stdout } = run('--console')
  assert.deepEqual([status, stdout], [1, ''])
})
