// Makes the folder of a store, and removes it again if the very first start on it fails, so that a refused start leaves nothing behind.

import { accessSync, constants, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'

/**
 * Other users cannot list or read a store. If root starts the server, PostgreSQL runs as another user, who must be able to pass
 * through the folder to its data folder.
 */
const storeMode = process.getuid?.() === 0 ? 0o711 : 0o700

/** Makes the folder and its parents. Throws FEED_START with the reason and a hint if that is not possible. */
export function makeStoreDir(dir: string): void {
  try {
    makeFolder(dir, storeMode)
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new FeedError('FEED_START', `cannot make the store ${dir}: ${message}`, { hint: hintFor(code, dir) })
  }
}

/**
 * Node's own recursive mkdir never returns for a path below /proc, so the folders are made one by one: a folder whose
 * parent is missing is tried once more after its parent was made.
 */
function makeFolder(dir: string, mode?: number): void {
  try {
    mkdirSync(dir, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(dir).isDirectory()) return
    if (code !== 'ENOENT' || dirname(dir) === dir) throw error
    // The parent exists, and the error of its child is still ENOENT: the file system does not allow folders, like /proc.
    if (isFolder(dirname(dir))) throw error
    makeFolder(dirname(dir))
    mkdirSync(dir, { mode })
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function hintFor(code: string | undefined, dir: string): string {
  switch (code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return 'a file is where the folder should be; choose another --store'
    case 'EACCES':
    case 'EPERM':
      return `choose a --store that the user who starts the server may write, or give that user ${dir}`
    case 'EROFS':
      return 'its disk is mounted read-only; choose another --store'
    case 'ENOSPC':
      return 'free space on its disk, or choose another --store'
    default:
      return 'choose another --store'
  }
}

/** The folder of PostgreSQL's data in a store. */
export function postgresDir(dir: string): string {
  return join(dir, 'postgres')
}

/** With which PostgreSQL the servers of a store work: their own, or one that somebody else has started. */
export type StoreKind = 'embedded' | 'attached'

/** The entry of a folder that makes it a store: the data folder, or a file that attached/store-id.ts writes. */
const marks: Readonly<Record<StoreKind, string>> = { embedded: 'postgres', attached: 'attached' }

/** The file that only the store of an attached PostgreSQL has. */
export function attachedFile(dir: string): string {
  return join(dir, marks.attached)
}

/** The files that a start may leave which failed before it made a data folder. */
const ours =
  /^(?:postgres|postgres\.new|logs|changelog|bootstrap|jobs\.key|socket-dir|http-address|changefeed\.lock.*)$/
/** Names that do not count: lost+found, and hidden files. */
const unseen = /^(?:lost\+found|\..*)$/

/** Refuses to make a store in a folder with other files, or in a store of the other kind. Throws FEED_START. */
export function refuseForeignFolder(dir: string, kind: StoreKind): void {
  const entries = entriesOf(dir) ?? []
  if (kind === 'attached' && entries.includes(marks.embedded)) {
    throw new FeedError(
      'FEED_START',
      `the store ${dir} has a PostgreSQL of its own, with the data of start-single-node`,
      {
        hint: 'choose another --store for "start", or start this one with "start-single-node"',
      },
    )
  }
  if (kind === 'embedded' && entries.includes(marks.attached)) {
    throw new FeedError('FEED_START', `the store ${dir} is for a PostgreSQL that somebody else has started`, {
      hint: 'choose another --store for "start-single-node", or start this one with "start --postgres=…"',
    })
  }
  const foreign = entries.filter((name) => !ours.test(name) && !unseen.test(name)).sort()
  if (foreign.length === 0 || entries.includes(marks[kind])) return
  const others = foreign.length === 1 ? '' : ` and ${foreign.length - 1} more`
  throw new FeedError('FEED_START', `${dir} is no store, and not empty: it holds ${foreign[0]}${others}`, {
    hint: `choose a folder that is empty or not there yet, such as --store=${join(dir, 'changefeed-data')}`,
  })
}

/** Removes what a start has made in a new store; does nothing for a store that existed before. */
export interface FreshStore {
  undo(): void
}

/** Call before anything is made in the store. */
export function rememberStore(dir: string): FreshStore {
  const before = entriesOf(dir)
  // The store contains data of an earlier run, so nothing is removed.
  if (Object.values(marks).some((mark) => before?.includes(mark) === true)) return { undo: () => undefined }
  return {
    undo(): void {
      if (before === undefined) rmSync(dir, { recursive: true, force: true })
      else {
        for (const name of entriesOf(dir) ?? [])
          if (!before.includes(name)) rmSync(join(dir, name), { recursive: true, force: true })
      }
    },
  }
}

/** Returns undefined if there is no such folder. */
function entriesOf(dir: string): string[] | undefined {
  try {
    return readdirSync(dir)
  } catch {
    return undefined
  }
}
