import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

function version(cache: string): string {
  const env = { ...process.env, NODE_COMPILE_CACHE: cache }
  const { stdout, status } = spawnSync(process.execPath, [main, 'version'], { encoding: 'utf8', env })
  assert.equal(status, 0)
  return stdout
}

test('what a command has loaded is kept for the next; where it cannot be kept the command runs all the same', () => {
  const dir = mkdtempSync(join(tmpdir(), 'compile-cache-test-'))
  try {
    const first = version(join(dir, 'cache'))
    assert.ok(globSync('**/*', { cwd: join(dir, 'cache') }).length > 5)
    assert.equal(version(join(dir, 'cache')), first)
    writeFileSync(join(dir, 'file'), '')
    assert.equal(version(join(dir, 'file')), first)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
