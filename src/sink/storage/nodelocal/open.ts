// Writes files into a folder. A file is written under another name, which begins with a dot, made durable and then renamed, so
// that nobody ever sees half of one, also after a crash of the machine. Readers of the folder pass over names that begin with a dot.
//
//   .changefeed-<feed>-<beginning of the name>.<six random digits>.part
//
// The other name is used once, and two changefeeds may write into the same folder, where their RESOLVED files of the same time have
// the same name. Such names are all in the folder of the URI, not in those of days and hours, so that what a crash leaves is found: a
// feed that is opened removes the files of the run before it, and those of other feeds on which nobody has worked for a day.

import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { constants, mkdir, open as openFile, realpath, rename } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { FeedError } from '../../../errors/feed-error.ts'
import type {
  StorageClient,
  StorageDraft,
  StorageObject,
  StorageOpening,
  StorageTrouble,
  StorageUpload,
} from '../storage-client.ts'
import { LeftFiles } from './left-files.ts'
import { shownFolder, type NodelocalLocation } from './location.ts'

export async function open(location: NodelocalLocation, { externDir, feed }: StorageOpening): Promise<StorageClient> {
  const name = shownFolder(location)
  if (externDir === undefined) {
    throw new FeedError('FEED_SINK', `this server has no folder for ${name}`, {
      hint: 'start it with --external-io-dir',
    })
  }
  return new NodelocalClient({ name, externDir, folders: location.folders, feed })
}

export interface NodelocalClientOptions {
  readonly name: string
  readonly externDir: string
  readonly folders: readonly string[]
  /** Only one client at a time writes for a feed. Undefined: nothing will be written. */
  readonly feed?: string | undefined
}

export class NodelocalClient implements StorageClient {
  readonly name: string
  readonly minPartBytes = 1
  readonly isDoneWithBytes = true
  readonly #externDir: string
  readonly #dir: string
  readonly #feed: string | undefined
  readonly #left: LeftFiles
  /** Folders that exist and are durable. */
  readonly #folders = new Set<string>()
  /** Folders in which names may not be durable. */
  readonly #unsettled = new Set<string>()

  constructor({ name, externDir, folders, feed }: NodelocalClientOptions) {
    this.name = name
    this.#externDir = externDir
    this.#dir = join(externDir, ...folders)
    this.#feed = feed
    this.#left = new LeftFiles(this.#dir, feed ?? '')
  }

  async check(): Promise<void> {
    try {
      await this.#makeFolder(this.#dir)
      if (this.#feed !== undefined) await this.#left.removeOwn()
    } catch (error) {
      throw this.trouble(error).error
    }
  }

  async put(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const draft = await this.draft(object, pieces, signal)
    try {
      await draft.publish(signal)
    } catch (error) {
      await draft.discard()
      throw error
    }
    await this.settle()
  }

  async draft({ name }: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<StorageDraft> {
    const upload = await this.#begin(name)
    try {
      await upload.writeAll(pieces)
      await upload.close()
      signal.throwIfAborted()
    } catch (error) {
      await upload.abort()
      // All bytes are still at hand, for another file.
      throw error instanceof LostPart ? error.cause : error
    }
    return {
      publish: async () => {
        this.#unsettled.add(dirname(join(this.#dir, name)))
        await upload.rename()
      },
      discard: () => upload.abort(),
    }
  }

  async settle(): Promise<void> {
    await Promise.all([...this.#unsettled].map(syncFolder))
    this.#unsettled.clear()
  }

  begin({ name }: StorageObject): Promise<StorageUpload> {
    return this.#begin(name)
  }

  trouble(error: unknown): StorageTrouble {
    if (error instanceof FeedError) return { tag: error.retry ? 'failed' : 'refused', error }
    const isLost = error instanceof LostPart
    const { code = '', message } = (isLost ? error.cause : error) as NodeJS.ErrnoException
    const found = new FeedError('FEED_SINK', `cannot write files of ${this.name} below ${this.#dir}: ${message}`, {
      hint: hints[code],
      cause: error,
    })
    return { tag: isLost ? 'refused' : 'failed', error: found }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Every file is closed by then.
    await this.#left.end()
  }

  async #begin(name: string): Promise<NodelocalUpload> {
    const path = join(this.#dir, name)
    const folder = dirname(path)
    const hidden = this.#left.pathOf(name, randomBytes(3).toString('hex'))
    for (const needed of [this.#dir, folder]) if (!this.#folders.has(needed)) await this.#makeFolder(needed)
    this.#left.removeDaily()
    const file = await openFile(hidden, 'wx', 0o644).catch(async (error: unknown) => {
      // Somebody may have removed the folder since it was made.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      this.#folders.clear()
      await this.#makeFolder(folder)
      return openFile(hidden, 'wx', 0o644)
    })
    return new NodelocalUpload({ file, hidden, path, left: this.#left })
  }

  /** Makes the folder and its parents. Throws if a symbolic link leads out of the folder for such files. */
  async #makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true })
    const [real, root] = await Promise.all([realpath(folder), realpath(this.#externDir)])
    if (real !== root && !real.startsWith(root + sep)) {
      throw new FeedError('FEED_PRIVILEGE', `${folder} lies outside of ${this.#externDir}`, {
        hint: 'a symbolic link leads there; replace it by a folder',
      })
    }
    if (first !== undefined) {
      for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
    }
    this.#folders.add(folder)
  }
}

/** A part that was written before may be lost. Its bytes are no longer in memory, so the feed has to start again from its checkpoint. */
class LostPart extends Error {}

interface NodelocalFile {
  readonly file: FileHandle
  readonly hidden: string
  readonly path: string
  readonly left: LeftFiles
}

class NodelocalUpload implements StorageUpload {
  readonly #file: FileHandle
  readonly #hidden: string
  readonly #path: string
  readonly #left: LeftFiles
  #size = 0
  #phase: 'writing' | 'closed' | 'renamed' = 'writing'
  #lost: LostPart | undefined

  constructor({ file, hidden, path, left }: NodelocalFile) {
    this.#file = file
    this.#hidden = hidden
    this.#path = path
    this.#left = left
  }

  write(part: Uint8Array): Promise<void> {
    return this.writeAll([part])
  }

  /** What failed is written again at the same position. */
  async writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    let at = this.#size
    for (let left = pieces; left.length > 0;) {
      const { bytesWritten } = await this.#file.writev(left, at)
      at += bytesWritten
      left = behind(left, bytesWritten)
    }
    this.#size = at
  }

  /** Makes the bytes durable. */
  async close(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    if (this.#phase !== 'writing') return
    // The system reports once that it could not write what it had taken. Another sync would succeed, and the bytes be missing.
    await this.#file.sync().catch((cause: unknown) => this.#lose(cause))
    await this.#file.close()
    this.#phase = 'closed'
  }

  async rename(): Promise<void> {
    if (this.#phase !== 'closed') return
    await rename(this.#hidden, this.#path).catch(async (error: unknown) => {
      // Somebody may have removed the folder of the day.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      await mkdir(dirname(this.#path), { recursive: true })
      await rename(this.#hidden, this.#path)
    })
    this.#phase = 'renamed'
  }

  async complete(signal: AbortSignal): Promise<void> {
    await this.close()
    // Whoever has given up may have another feed after it.
    signal.throwIfAborted()
    await this.rename()
    await syncFolder(dirname(this.#path))
  }

  #lose(cause: unknown): never {
    this.#lost = new LostPart('a part may be lost', { cause })
    throw this.#lost
  }

  async abort(): Promise<void> {
    if (this.#phase === 'renamed') return
    if (this.#phase === 'writing') await this.#file.close().catch(() => undefined)
    this.#phase = 'closed'
    await this.#left.remove(this.#hidden)
  }
}

/** Returns the pieces without their first bytes. */
function behind(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let gone = bytes
  let first = 0
  while (first < pieces.length && gone >= (pieces[first] as Uint8Array).length)
    gone -= (pieces[first++] as Uint8Array).length
  if (gone === 0) return pieces.slice(first)
  return [(pieces[first] as Uint8Array).subarray(gone), ...pieces.slice(first + 1)]
}

/** Makes the names in a folder durable. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await openFile(folder, constants.O_RDONLY)
  await handle.sync()
}

const hints: Readonly<Record<string, string>> = {
  EACCES: 'give the user who runs the server the right to write there',
  EPERM: 'give the user who runs the server the right to write there',
  EROFS: 'the disk is mounted read-only',
  ENOSPC: 'free space on the disk',
  EDQUOT: 'free space on the disk, or raise the quota',
  ENOTDIR: 'a file is where a folder should be: move it away',
  EEXIST: 'a file is where a folder should be: move it away',
}
