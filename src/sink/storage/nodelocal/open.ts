// Writes files into a folder. A file is written under another name, which begins with a dot, made durable and then renamed, so
// that nobody ever sees half of one, also after a crash of the machine. The other name is used once: two changefeeds may write into
// the same folder, and their RESOLVED files of the same time have the same name. What a crash leaves under such names is removed after a
// day, by whoever writes into the same place then; readers pass over names that begin with a dot.

import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { constants, mkdir, open as openFile, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { FeedError } from '../../../errors/feed-error.ts'
import type { StorageClient, StorageObject, StorageOpening, StorageTrouble, StorageUpload } from '../storage-client.ts'
import { nodelocal, type NodelocalLocation } from './kind.ts'
import { LeftFiles } from './left-files.ts'

export async function open(location: NodelocalLocation, { externDir }: StorageOpening): Promise<StorageClient> {
  const name = nodelocal.shownAs(location)
  if (externDir === undefined) {
    throw new FeedError('FEED_SINK', `this server has no folder for ${name}`, {
      hint: 'start it with --external-io-dir',
    })
  }
  return new NodelocalClient(name, externDir, location.folders)
}

export class NodelocalClient implements StorageClient {
  readonly name: string
  readonly minPartBytes = 1
  readonly #externDir: string
  readonly #dir: string
  /** Folders that exist and are durable. */
  readonly #folders = new Set<string>()
  readonly #left: LeftFiles

  constructor(name: string, externDir: string, folders: readonly string[]) {
    this.name = name
    this.#externDir = externDir
    this.#dir = join(externDir, ...folders)
    this.#left = new LeftFiles(this.#dir)
  }

  async check(): Promise<void> {
    try {
      await this.#makeFolder(this.#dir)
    } catch (error) {
      throw this.trouble(error).error
    }
  }

  async put({ name }: StorageObject, pieces: readonly Uint8Array[]): Promise<void> {
    const upload = await this.#begin(name)
    try {
      for (const piece of pieces) await upload.write(piece)
      await upload.complete()
    } catch (error) {
      await upload.abort()
      // All bytes are still at hand, for another file.
      throw error instanceof LostPart ? error.cause : error
    }
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
    await this.#left.idle()
  }

  async #begin(name: string): Promise<NodelocalUpload> {
    const path = join(this.#dir, name)
    const folder = dirname(path)
    const hidden = join(folder, `.${basename(path)}.${randomBytes(3).toString('hex')}.part`)
    if (!this.#folders.has(folder)) await this.#makeFolder(folder)
    this.#left.removeDaily()
    const file = await openFile(hidden, 'wx', 0o644).catch(async (error: unknown) => {
      // Somebody may have removed the folder since it was made.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      await this.#makeFolder(folder)
      return openFile(hidden, 'wx', 0o644)
    })
    return new NodelocalUpload(file, hidden, path)
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

class NodelocalUpload implements StorageUpload {
  readonly #file: FileHandle
  readonly #hidden: string
  readonly #path: string
  #size = 0
  #phase: 'writing' | 'closed' | 'renamed' = 'writing'
  #lost: LostPart | undefined

  constructor(file: FileHandle, hidden: string, path: string) {
    this.#file = file
    this.#hidden = hidden
    this.#path = path
  }

  async write(part: Uint8Array): Promise<void> {
    // A part that failed is written again at the same position.
    let done = 0
    while (done < part.length) {
      const { bytesWritten } = await this.#file.write(part, done, part.length - done, this.#size + done)
      done += bytesWritten
    }
    this.#size += part.length
  }

  async complete(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    if (this.#phase === 'writing') {
      // The system reports once that it could not write what it had taken. Another sync would succeed, and the bytes be missing.
      await this.#file.sync().catch((cause: unknown) => this.#lose(cause))
      await this.#file.close()
      this.#phase = 'closed'
    }
    if (this.#phase === 'closed') {
      await rename(this.#hidden, this.#path)
      this.#phase = 'renamed'
    }
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
    await rm(this.#hidden, { force: true }).catch(() => undefined)
  }
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
