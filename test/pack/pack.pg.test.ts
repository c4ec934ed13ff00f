// The package as somebody gets it: packed, installed into an empty folder, and run there by the machine's own Node.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

test('the packed package installs into an empty folder and shows its demo', { timeout: 600_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-pack-'))
  try {
    chmodSync(dir, 0o755)
    await run('npm', ['pack', '--pack-destination', dir], { cwd: root })
    const tarball = readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? ''
    const app = join(dir, 'app')
    mkdirSync(app)
    writeFileSync(join(app, 'package.json'), '{"name": "app", "version": "1.0.0", "private": true}')
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(dir, tarball)], { cwd: app })
    // Those who run it as a service find the unit in the package; tests and sources are not in it.
    const packed = join(app, 'node_modules', 'pg-changefeed')
    assert.deepEqual(readdirSync(join(packed, 'docs', 'guide', 'deploy')).sort(), [
      'Dockerfile',
      'changefeed.service',
      'compose.yaml',
      'deploy.md',
    ])
    assert.deepEqual(
      ['src', 'test', 'scripts', 'bench'].filter((name) => existsSync(join(packed, name))),
      [],
    )
    // The console is in it as it was built, with its copies for browsers.
    assert.ok(existsSync(join(packed, 'dist', 'console', 'index.html.br')))
    assert.equal(existsSync(join(packed, 'console')), false)
    // The program is few files: modules are put together, and nothing of an earlier build is left.
    assert.deepEqual(readdirSync(join(packed, 'dist')).sort(), [
      'chunks',
      'console',
      'feed',
      'ingest',
      'kernel',
      'main.js',
      'source-schema',
    ])
    // So is the kernel, compiled.
    assert.ok(existsSync(join(packed, 'dist', 'kernel', 'encode.wasm')))
    assert.equal(existsSync(join(packed, 'kernel')), false)
    const flags = ['demo', '--seconds=4', '--sql-port=0', '--http-port=0']
    const { stdout } = await run(join(app, 'node_modules', '.bin', 'changefeed'), flags, { cwd: app })
    assert.match(stdout, /office_dogs {2}\[1\] {2}\{"after": \{"id": 1, "name": "Petee"\}, "updated": "\d+\.\d{10}"\}/)
    assert.match(stdout, /\{"resolved":"\d+\.\d{10}"\}/)
    assert.match(stdout, /its store is removed/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
