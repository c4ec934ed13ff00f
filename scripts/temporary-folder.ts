// Where a run of the tests has its folder for temporary files: in memory, if the machine has plenty of it.
//
// Tests make and remove some hundred data folders of PostgreSQL, of 1,500 files each. On a disk that takes longer than what the tests do with
// them, and whoever waits for the disk makes the others wait.

import { accessSync, constants, readFileSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const memory = '/dev/shm'
const gibibyte = 2 ** 30
/** Of the file system in memory. */
const leastRoom = 8 * gibibyte
/** Of the machine: processes of tests need theirs, too. */
const leastAvailable = 12 * gibibyte

/** Who sets TMPDIR has chosen. */
export function parentOfTemporary(): string {
  return (process.env['TMPDIR'] ?? '') === '' && hasRoom() ? memory : tmpdir()
}

function hasRoom(): boolean {
  try {
    accessSync(memory, constants.W_OK)
    const { bavail, bsize } = statfsSync(memory)
    const [, kibibytes = '0'] = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? []
    // The programs of PostgreSQL are copied there if its user cannot reach them where they are.
    const mounted = new RegExp(`^\\S+ ${memory} tmpfs (\\S+)`, 'm').exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
    return (
      mounted?.split(',').includes('noexec') === false &&
      bavail * bsize >= leastRoom &&
      Number(kibibytes) * 1024 >= leastAvailable
    )
  } catch {
    return false
  }
}
