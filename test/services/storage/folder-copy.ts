// A folder with a copy of the objects of a service that keeps them elsewhere, for readers of folders. It follows the service until
// it is disposed of. An object that is removed from the copy stays away.

import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const everyMs = 100
/** A list names all objects again, and while the service makes a long one it writes no object: it is asked for less often then. */
const pausesOfList = 5
const longestPauseMs = 1000

export interface ObjectSource {
  /** The names of all objects that are visible, in any order. */
  list(): Promise<readonly string[]>
  get(name: string): Promise<Buffer>
}

export class FolderCopy implements AsyncDisposable {
  readonly #dir = mkdtempSync(join(tmpdir(), 'changefeed-copy-'))
  readonly folder = join(this.#dir, 'objects')
  readonly #source: ObjectSource
  readonly #copied = new Set<string>()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #failure: unknown

  constructor(source: ObjectSource) {
    this.#source = source
    mkdirSync(this.folder)
    this.#running = this.#run().catch((error: unknown) => {
      this.#failure = error
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    rmSync(this.#dir, { recursive: true, force: true })
    if (this.#failure !== undefined) throw this.#failure
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const startMs = performance.now()
      const all = await this.#source.list()
      const pauseMs = Math.min(Math.max(everyMs, pausesOfList * (performance.now() - startMs)), longestPauseMs)
      const listed = all.filter((name) => !this.#copied.has(name))
      // An object that comes meanwhile sorts behind these, or the sink has broken its promise.
      for (const name of listed.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
        await this.#copy(name)
        if (signal.aborted) return
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #copy(name: string): Promise<void> {
    const bytes = await this.#source.get(name)
    const path = join(this.folder, name)
    mkdirSync(dirname(path), { recursive: true })
    const whole = join(this.#dir, 'next')
    writeFileSync(whole, bytes)
    renameSync(whole, path)
    this.#copied.add(name)
  }
}
