// Small disks in memory, for tests of full ones. Only who may mount can make them.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** `options` are those of tmpfs, such as `size=64k`. */
export function mountDisk(dir: string, options: string): void {
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`mount failed: ${stderr}`)
}

/** Files on it may still be open: the disk goes when they are closed. */
export function unmountDisk(dir: string): void {
  spawnSync('umount', ['--lazy', dir])
}

/** For `test(name, { skip }, …)`. */
export const skipWithoutDisk: string | false = mayMount() ? false : 'only who may mount can make a small disk'

function mayMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-disk-'))
  try {
    mountDisk(dir, 'size=64k')
    unmountDisk(dir)
    return true
  } catch {
    return false
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
