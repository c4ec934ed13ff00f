// Stores on disks that take nothing: full from the start, or mounted read-only.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Undefined: this user may not mount. */
function mounted<T>(options: string, work: (dir: string) => T): T | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-disk-'))
  chmodSync(dir, 0o755)
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', `mode=755,${options}`, 'tmpfs', dir]).status !== 0) return undefined
    try {
      return work(dir)
    } finally {
      spawnSync('umount', [dir])
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const skip = mounted('size=1m', () => true) === undefined && 'only who may mount can make a small disk'

for (const [kind, options, said] of [
  ['full', 'size=20m', /^ERROR: the disk of \S+ is full\nHINT: free space there, or choose another --store\n$/],
  ['read-only', 'ro', /^ERROR: cannot make the store \S+: EROFS[^\n]*\nHINT: its disk is mounted read-only; choose an/],
] as const) {
  test(`a start on a ${kind} disk says so and leaves nothing behind`, { skip }, () => {
    for (const more of [[], ['--background']]) {
      mounted(options, (dir) => {
        const flags = ['--listen-addr=localhost:0', '--http-addr=localhost:0', `--store=${join(dir, 'store')}`]
        const { status, stderr } = spawnSync(
          process.execPath,
          [main, 'start-single-node', '--insecure', ...flags, ...more],
          { encoding: 'utf8', timeout: 60_000 },
        )
        assert.equal(status, 1)
        assert.match(stderr, said)
        assert.deepEqual(readdirSync(dir), [])
      })
    }
  })
}
