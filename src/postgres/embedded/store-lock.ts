// A store belongs to one server at a time. The lock is a file with the owner's pid and the moment that process began;
// both must match a living process, so a kill -9 or a reboot leaves no lock behind. A zombie, which has ended and whose
// parent has not asked for its exit code, owns nothing.
//
// The lock also says which folder it locks, by device and inode, which stay when the folder is moved: whoever copies a
// store that is in use copies the lock, and the owner of the original does not own the copy.

import { createHash } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { commandName, shellWord } from '../../core/command-line.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { makeStoreDir } from './store-dir.ts'

const lockFile = 'changefeed.lock'
const attempts = 200
/** Between two looks at a lock that another process is replacing. */
const pauseMs = 5
const sleeper = new Int32Array(new SharedArrayBuffer(4))
/** A process that was killed takes this long to end at most, unless it hangs in the kernel. */
const endsWithinMs = 2000
const askAgainMs = 50

/**
 * Locks the store, and waits a moment for an owner that is just ending: a start right behind a kill -9 succeeds. Gives
 * the function that ends the ownership.
 */
export async function takeStore(dir: string): Promise<() => void> {
  const deadline = Date.now() + endsWithinMs
  makeStoreDir(dir)
  while (ownerOf(dir) !== undefined && Date.now() < deadline) await delay(askAgainMs)
  return lockStore(dir)
}

/** Gives the function that ends the ownership. Throws FEED_START when the store is in use. */
export function lockStore(dir: string): () => void {
  makeStoreDir(dir)
  const path = join(dir, lockFile)
  // Written beside it and linked there whole: nobody ever sees a lock without its owner.
  const own = `${path}.${process.pid}.${threadId}`
  try {
    writeFileSync(own, `${process.pid} ${beginningOf(process.pid) ?? ''} ${identityOf(dir)} ${dir}`)
    const owner = take(path, own)
    if (owner !== undefined) throw inUse(dir, owner)
    return () => rmSync(path, { force: true })
  } catch (error) {
    if (error instanceof FeedError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const hint = code === 'ENOSPC' ? 'free space on its disk' : undefined
    throw new FeedError('FEED_START', `cannot lock the store ${dir}: ${message}`, { hint })
  } finally {
    rmSync(own, { force: true })
  }
}

/**
 * Makes `path` a link to `own`. Gives the living owner when there is one.
 *
 * A lock whose owner is dead may be replaced by one process only, or two would own the store. So the right to replace a
 * lock of this very content is itself a lock, taken in the same way: whoever holds it is the only one who may replace that
 * content, and replaces it only if it is still there.
 */
function take(path: string, own: string): number | undefined {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (linked(own, path)) return undefined
    const content = contentOf(path)
    if (content === undefined) continue
    const owner = ownerIn(content, dirname(path))
    if (owner !== undefined) return owner
    const right = `${path}.${createHash('sha256').update(content).digest('hex').slice(0, 8)}`
    if (take(right, own) !== undefined) {
      // Another process is replacing it.
      Atomics.wait(sleeper, 0, 0, pauseMs)
      continue
    }
    try {
      if (contentOf(path) !== content) continue
      const replacement = `${own}.new`
      rmSync(replacement, { force: true })
      linkSync(own, replacement)
      renameSync(replacement, path)
      return undefined
    } finally {
      rmSync(right, { force: true })
    }
  }
  throw new Error('other processes are taking it again and again')
}

/** False: there is a file already. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

function inUse(dir: string, owner: number): FeedError {
  return new FeedError('FEED_START', `the store ${dir} is in use by process ${owner}`, {
    hint: `stop it with: ${commandName()} quit --insecure --store=${shellWord(dir)}; or choose another --store`,
  })
}

/** The living process that owns the store; undefined: nobody. */
export function ownerOf(dir: string): number | undefined {
  const content = contentOf(join(dir, lockFile))
  return content === undefined ? undefined : ownerIn(content, dir)
}

export interface CopiedStore {
  /** Where the store was that this one is a copy of. */
  readonly dir: string
  /** The server that runs on it. */
  readonly owner: number
}

/** The store is a copy of one that was in use at that moment, and is still. */
export function copiedFrom(dir: string): CopiedStore | undefined {
  const lock = readLock(contentOf(join(dir, lockFile)) ?? '')
  if (lock === undefined || isOf(lock, dir) || !isAlive(lock)) return undefined
  return { dir: lock.dir, owner: lock.pid }
}

/** Undefined: there is no lock. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

interface Lock {
  readonly pid: number
  readonly beginning: string
  /** Of the folder; empty in a lock of an earlier version. */
  readonly identity: string
  readonly dir: string
}

/** `text`: the content of a lock. */
function readLock(text: string): Lock | undefined {
  const [pid = '', beginning = '', identity = '', ...dir] = text.split(' ')
  const owner = Number(pid)
  if (!Number.isInteger(owner) || owner <= 0) return undefined
  return { pid: owner, beginning, identity, dir: dir.join(' ') }
}

function ownerIn(text: string, dir: string): number | undefined {
  const lock = readLock(text)
  return lock !== undefined && isOf(lock, dir) && isAlive(lock) ? lock.pid : undefined
}

function isOf({ identity }: Lock, dir: string): boolean {
  return identity === '' || identity === identityOf(dir)
}

function isAlive({ pid, beginning }: Lock): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const stat = statOf(pid)
  if (stat !== undefined && endedStates.has(stat[stateField] ?? '')) return false
  return (stat?.[beginningField] ?? '') === beginning
}

/** Device and inode of a folder. */
function identityOf(dir: string): string {
  const { dev, ino } = statSync(dir, { bigint: true })
  return `${dev}:${ino}`
}

/** Zombie, and the two letters of a process that is dead. */
const endedStates: ReadonlySet<string> = new Set(['Z', 'X', 'x'])
/** Places in /proc/PID/stat behind the name: the state, and the clock ticks since boot at which the process began. */
const stateField = 0
const beginningField = 19

function beginningOf(pid: number): string | undefined {
  return statOf(pid)?.[beginningField]
}

/** The fields behind the name of a process; undefined where there is no /proc. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field, a name in brackets, may hold spaces and brackets itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
