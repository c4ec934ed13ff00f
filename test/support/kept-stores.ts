// The store of a failed test, kept to be looked at. With CHANGEFEED_TEST_KEEP=1 a folder that a test no longer needs is
// removed only when all tests of its file have passed; otherwise the file prints where it is.

import { rmSync } from 'node:fs'

const left: string[] = []

export function removeStore(dir: string): void {
  if ((process.env['CHANGEFEED_TEST_KEEP'] ?? '') === '') rmSync(dir, { recursive: true, force: true })
  else {
    if (left.length === 0) process.once('exit', atEnd)
    left.push(dir)
  }
}

function atEnd(): void {
  const hasFailed = (process.exitCode ?? 0) !== 0
  for (const dir of left) {
    if (hasFailed) process.stderr.write(`kept: ${dir}\n`)
    else rmSync(dir, { recursive: true, force: true })
  }
}
