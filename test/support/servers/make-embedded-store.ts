// Run by embedded-store.ts in a process of its own: starts the embedded PostgreSQL for the first time, stops it and copies its files into
// the folder that the argument names.

import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { startEmbedded } from '../../../src/postgres/embedded/embedded.ts'

const [, , folder = ''] = process.argv
// The user of PostgreSQL has to reach its files, and the folder may lie below one that only its owner can enter.
const work = mkdtempSync(join(tmpdir(), 'pgcf-store-'))
chmodSync(work, 0o755)
try {
  const dir = join(work, 'postgres')
  const embedded = await startEmbedded({ dir, log: pino({ level: 'silent' }) })
  await embedded.stop('fast')
  rmSync(join(dir, 'log'), { recursive: true, force: true })
  const { status, stderr } = spawnSync('cp', ['-a', dir, join(folder, 'postgres')], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${dir} could not be kept: ${stderr}`)
  copyFileSync(join(work, 'bootstrap'), join(folder, 'bootstrap'))
} finally {
  rmSync(work, { recursive: true, force: true })
}
