// Reads files of hours that are over (block.ts has their layout). A page of graphs asks for the same hours once for each metric, and again
// and again while it is open, so what was read lately is kept: the beginning of each file, which is most often all of it, and sections
// that lie further behind. A file does not change under its name; where it is replaced or removed, `forget` has to be called.

import { open } from 'node:fs/promises'
import { readDirectory, readSection, type Directory, type TakeSeries } from './block.ts'

/** Read at once: the directory, and all sections of a server with a few changefeeds. */
const beginningBytes = 64 * 1024
/** A week of beginnings fits. */
const mostKeptBytes = 16 * 1024 * 1024
/** A larger section is read anew each time. */
const mostPieceBytes = 1024 * 1024

interface Beginning {
  readonly bytes: Buffer
  /** Undefined: the file is damaged. */
  readonly directory: Directory | undefined
}

interface Kept<T> {
  readonly value: T
  readonly bytes: number
}

export class BlockReader {
  readonly #beginnings = new Map<string, Kept<Beginning>>()
  readonly #sections = new Map<string, Kept<Buffer>>()
  #bytes = 0
  /** How often something was forgotten: what was read before that may be of the former file. */
  #forgotten = 0
  /** How often a file was opened; for tests. */
  opened = 0

  /** Passes the series of a metric on. What is damaged counts as not there. Throws if there is no file. */
  async read(path: string, name: string, take: TakeSeries): Promise<void> {
    const { directory } = await this.#beginning(path)
    const place = directory?.places.get(name)
    if (place === undefined) return
    const section = await this.#section(path, place)
    if (section !== undefined) readSection(section, take)
  }

  forget(path: string): void {
    this.#forgotten += 1
    this.#drop(this.#beginnings, path)
    for (const key of this.#sections.keys()) if (key.startsWith(`${path} `)) this.#drop(this.#sections, key)
  }

  async #beginning(path: string): Promise<Beginning> {
    const kept = this.#get(this.#beginnings, path)
    if (kept !== undefined) return kept
    const since = this.#forgotten
    let bytes = await this.#bytesAt(path, 0, beginningBytes)
    let directory = readDirectory(bytes)
    if (typeof directory === 'number') {
      bytes = await this.#bytesAt(path, 0, directory)
      directory = readDirectory(bytes)
    }
    const read = { bytes, directory: typeof directory === 'number' ? undefined : directory }
    if (read.directory !== undefined && since === this.#forgotten)
      this.#keep(this.#beginnings, path, read, bytes.length)
    return read
  }

  async #section(path: string, { at, length }: { readonly at: number; readonly length: number }) {
    const { bytes } = await this.#beginning(path)
    if (at + length <= bytes.length) return bytes.subarray(at, at + length)
    const key = `${path} ${at}`
    const kept = this.#get(this.#sections, key)
    if (kept !== undefined) return kept
    const since = this.#forgotten
    const read = await this.#bytesAt(path, at, length)
    if (read.length < length) return undefined
    if (since === this.#forgotten) this.#keep(this.#sections, key, read, length)
    return read
  }

  /** Fewer bytes: the file is shorter. */
  async #bytesAt(path: string, position: number, length: number): Promise<Buffer> {
    this.opened += 1
    const file = await open(path, 'r')
    try {
      const bytes = Buffer.allocUnsafeSlow(length)
      const { bytesRead } = await file.read(bytes, 0, length, position)
      // A copy, where the file is small: the rest would be held for nothing.
      return bytesRead < length ? Buffer.from(bytes.subarray(0, bytesRead)) : bytes
    } finally {
      await file.close()
    }
  }

  #get<T>(kept: Map<string, Kept<T>>, key: string): T | undefined {
    const found = kept.get(key)
    if (found === undefined) return undefined
    // The order of a map is that of its insertions: what is used goes last.
    kept.delete(key)
    kept.set(key, found)
    return found.value
  }

  #keep<T>(kept: Map<string, Kept<T>>, key: string, value: T, bytes: number): void {
    if (bytes > mostPieceBytes) return
    this.#drop(kept, key)
    kept.set(key, { value, bytes })
    this.#bytes += bytes
    while (this.#bytes > mostKeptBytes) {
      const [from] = [this.#sections, this.#beginnings].filter(({ size }) => size > 0)
      const oldest = from?.keys().next().value
      if (from === undefined || oldest === undefined) return
      this.#drop(from, oldest)
    }
  }

  #drop(kept: Map<string, Kept<unknown>>, key: string): void {
    this.#bytes -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }
}
