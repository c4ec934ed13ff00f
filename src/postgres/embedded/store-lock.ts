// The lock of a store, which belongs to one server at a time. The lock is a file with the process id of the owner and the time when that
// process began. Both must match a living process, so a lock has no effect after kill -9 or a reboot. A zombie (a process that has ended
// and whose parent has not asked for the exit code) owns nothing.
//
// The lock also identifies its folder by device and inode, which do not change when the folder is moved. A copy of a store in use
// contains a copy of the lock, and this shows that the owner of the original does not own the copy.

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
/** The time between two checks of a lock that another process is replacing. */
const pauseMs = 5
const sleeper = new Int32Array(new SharedArrayBuffer(4))
/** A killed process ends within this time, unless it hangs in the kernel. */
const endsWithinMs = 2000
const askAgainMs = 50

/**
 * Locks the store. It waits a moment for an owner that is just ending, so that a start right after a kill -9 succeeds. Returns the
 * function that unlocks the store.
 */
export async function takeStore(dir: string): Promise<() => void> {
  const deadline = Date.now() + endsWithinMs
  makeStoreDir(dir)
  while (ownerOf(dir) !== undefined && Date.now() < deadline) await delay(askAgainMs)
  return lockStore(dir)
}

/** Locks the store and returns the function that unlocks it. Throws FEED_START if the store is in use. */
export function lockStore(dir: string): () => void {
  makeStoreDir(dir)
  const path = join(dir, lockFile)
  // The lock is written to another file, which then gets the name of the lock: nobody ever reads a lock without its owner.
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
 * Makes `path` a link to `own`. Returns the process id of the living owner if there is one.
 *
 * Only one process may replace a lock whose owner is dead; otherwise two processes could own the store. So the right to replace a
 * lock with exactly this content is itself a lock, which is taken in the same way. Its owner is the only process that may replace
 * that content, and does so only if the content has not changed.
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
      // Another process is replacing the lock.
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

/** Returns false if the file exists already. */
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

/** Returns the id of the living process that owns the store; undefined if there is none. */
export function ownerOf(dir: string): number | undefined {
  const content = contentOf(join(dir, lockFile))
  return content === undefined ? undefined : ownerIn(content, dir)
}

export interface CopiedStore {
  /** The path of the original at the time of the copy. */
  readonly dir: string
  /** The process id of the server that runs on the original. */
  readonly owner: number
}

/** Returns the original if the store is a copy of one that was in use at that moment, and is still in use. */
export function copiedFrom(dir: string): CopiedStore | undefined {
  const lock = readLock(contentOf(join(dir, lockFile)) ?? '')
  if (lock === undefined || isOf(lock, dir) || !isAlive(lock)) return undefined
  return { dir: lock.dir, owner: lock.pid }
}

/** Returns undefined if there is no lock. */
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
  /** Identifies the folder; empty in a lock of an earlier version. */
  readonly identity: string
  readonly dir: string
}

/** Reads `text`, the content of a lock. */
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

/** Returns device and inode of a folder. */
function identityOf(dir: string): string {
  const { dev, ino } = statSync(dir, { bigint: true })
  return `${dev}:${ino}`
}

/** The states of a zombie, and of a dead process (two letters). */
const endedStates: ReadonlySet<string> = new Set(['Z', 'X', 'x'])
/** The indexes of fields after the name in /proc/PID/stat: the state, and the clock ticks since boot at which the process began. */
const stateField = 0
const beginningField = 19

function beginningOf(pid: number): string | undefined {
  return statOf(pid)?.[beginningField]
}

/** Returns the fields after the name of a process; undefined if there is no /proc. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field, a name in brackets, may hold spaces and brackets itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
