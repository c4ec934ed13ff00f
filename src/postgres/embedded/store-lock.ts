// A store belongs to one server at a time. The lock is a file with the owner's pid and the moment that process began;
// both must match a living process, so a kill -9 or a reboot leaves no lock behind.

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { FeedError } from '../../errors/feed-error.ts'

const lockFile = 'changefeed.lock'
const attempts = 10

/** Gives the function that ends the ownership. */
export function lockStore(dir: string): () => void {
  try {
    mkdirSync(dir, { recursive: true })
  } catch (error) {
    throw new FeedError('FEED_START', `cannot make the store ${dir}: ${(error as Error).message}`)
  }
  const path = join(dir, lockFile)
  // Written beside it and linked there whole: nobody ever sees a lock without its owner.
  const own = `${path}.${process.pid}.${threadId}`
  try {
    writeFileSync(own, `${process.pid} ${beginningOf(process.pid) ?? ''}`)
    for (let attempt = 0; attempt < attempts; attempt++) {
      try {
        linkSync(own, path)
        return () => rmSync(path, { force: true })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const owner = ownerOf(dir)
      if (owner !== undefined) throw inUse(dir, owner)
      takeAway(path, `${own}.stale`)
    }
    throw new Error('others take it again and again')
  } catch (error) {
    if (error instanceof FeedError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const hint = code === 'ENOSPC' ? 'free space on its disk' : undefined
    throw new FeedError('FEED_START', `cannot lock the store ${dir}: ${message}`, { hint })
  } finally {
    rmSync(own, { force: true })
  }
}

/** Of several that found the same lock stale, one moves it; who has moved a new one by mistake puts it back. */
function takeAway(path: string, aside: string): void {
  try {
    renameSync(path, aside)
    if (ownerIn(aside) !== undefined) linkSync(aside, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

function inUse(dir: string, owner: number): FeedError {
  return new FeedError('FEED_START', `the store ${dir} is in use by process ${owner}`, {
    hint: `stop it with "changefeed quit --insecure", or choose another --store`,
  })
}

/** The living process that owns the store; undefined: nobody. */
export function ownerOf(dir: string): number | undefined {
  return ownerIn(join(dir, lockFile))
}

function ownerIn(path: string): number | undefined {
  let text
  try {
    text = readFileSync(path, 'utf8')
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
