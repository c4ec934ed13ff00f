// A store belongs to one server at a time. The lock is a file with the owner's pid and the moment that process began;
// both must match a living process, so a kill -9 or a reboot leaves no lock behind.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'

const lockFile = 'changefeed.lock'

/** Gives the function that ends the ownership. */
export function lockStore(dir: string): () => void {
  try {
    mkdirSync(dir, { recursive: true })
  } catch (error) {
    throw new FeedError('FEED_START', `cannot make the store ${dir}: ${(error as Error).message}`)
  }
  const path = join(dir, lockFile)
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, `${process.pid} ${beginningOf(process.pid) ?? ''}`, { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST' || attempt === 3) {
        const hint = code === 'ENOSPC' ? 'free space on its disk' : undefined
        throw new FeedError('FEED_START', `cannot lock the store ${dir}: ${message}`, { hint })
      }
    }
    const owner = ownerOf(dir)
    if (owner !== undefined) {
      throw new FeedError('FEED_START', `the store ${dir} is in use by process ${owner}`, {
        hint: `stop it with "changefeed quit --insecure", or choose another --store`,
      })
    }
    rmSync(path, { force: true })
  }
}

/** The living process that owns the store; undefined: nobody. */
export function ownerOf(dir: string): number | undefined {
  let text
  try {
    text = readFileSync(join(dir, lockFile), 'utf8')
  } catch {
    return undefined
  }
  const [pid = '', beginning = ''] = text.split(' ')
  const owner = Number(pid)
  if (!Number.isInteger(owner) || owner <= 0) return undefined
  try {
    process.kill(owner, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined
  }
  return (beginningOf(owner) ?? '') === beginning ? owner : undefined
}

/** Clock ticks since boot at which a process began; undefined where there is no /proc. */
function beginningOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field, a name in brackets, may hold spaces and brackets itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
