// Removes the hidden files that crashes have left. Those of a feed are removed when the feed is opened again, because only one client
// at a time writes for it. Those of other feeds are removed when nobody has worked on them for a day: a file that is being written is
// never so old, because every checkpoint finishes it.

import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

const dayMs = 86_400_000
const hiddenName = /^\.changefeed-.*\.part$/
/** The beginning of a name says which file it is: the time, the session and the number. A whole name could be too long with more around it. */
const shownLength = 80

export class LeftFiles {
  readonly #dir: string
  readonly #prefix: string
  /** Files that were not there when they were to be removed: somebody has moved the folder away, and may bring it back. */
  readonly #missed = new Set<string>()
  #nextMs = 0
  #work: Promise<void> = Promise.resolve()

  constructor(dir: string, feed: string) {
    this.#dir = dir
    this.#prefix = `.changefeed-${feed}-`
  }

  /** The hidden path of a file with this name; `random` makes it one that is used once. */
  pathOf(name: string, random: string): string {
    return join(this.#dir, `${this.#prefix}${basename(name).slice(0, shownLength)}.${random}.part`)
  }

  async removeOwn(): Promise<void> {
    for (const name of await readdir(this.#dir))
      if (hiddenName.test(name) && name.startsWith(this.#prefix)) await rm(join(this.#dir, name), { force: true })
  }

  /** Removes old ones, at most once a day. Nobody waits for it, and nothing fails with it. */
  removeDaily(): void {
    const nowMs = Date.now()
    if (nowMs < this.#nextMs) return
    this.#nextMs = nowMs + dayMs
    this.#work = this.#removeOld(nowMs).catch(() => undefined)
  }

  async remove(path: string): Promise<void> {
    await rm(path).catch(() => this.#missed.add(path))
  }

  /** To be called when nothing more will be written. Settles when nothing is being removed. */
  async end(): Promise<void> {
    await this.#work
    for (const path of this.#missed) await rm(path, { force: true }).catch(() => undefined)
  }

  async #removeOld(nowMs: number): Promise<void> {
    for (const name of await readdir(this.#dir)) {
      if (!hiddenName.test(name)) continue
      const path = join(this.#dir, name)
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }))
      if (nowMs - mtimeMs > dayMs) await rm(path, { force: true }).catch(() => undefined)
    }
  }
}
