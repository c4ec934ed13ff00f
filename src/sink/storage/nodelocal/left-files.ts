// Removes the hidden files that crashes have left: those on which nobody has worked for a day, in the folder of the sink and in its folders of
// days and hours. A file that is being written is never so old: every checkpoint finishes it.

import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const dayMs = 86_400_000
const hiddenName = /^\.\d{33}.*\.part$/
/** Folders of earlier days were looked at while they were younger. A folder may have so many files that listing it takes a while. */
const lookedAtMs = 31 * dayMs

export class LeftFiles {
  readonly #dir: string
  #nextMs = 0
  #work: Promise<void> = Promise.resolve()

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Does something at most once a day. Nobody waits for it, and nothing fails with it. */
  removeDaily(): void {
    const nowMs = Date.now()
    if (nowMs < this.#nextMs) return
    this.#nextMs = nowMs + dayMs
    this.#work = this.#remove(nowMs).catch(() => undefined)
  }

  /** Settles when nothing is being removed. */
  async idle(): Promise<void> {
    await this.#work
  }

  async #remove(nowMs: number): Promise<void> {
    const days = await this.#removeIn(this.#dir, nowMs)
    const firstDay = new Date(nowMs - lookedAtMs).toISOString().slice(0, 10)
    for (const day of days) {
      if (!/^\d{4}-\d\d-\d\d$/.test(day) || day < firstDay) continue
      const hours = await this.#removeIn(join(this.#dir, day), nowMs)
      for (const hour of hours) if (/^\d\d$/.test(hour)) await this.#removeIn(join(this.#dir, day, hour), nowMs)
    }
  }

  /** Returns the names of the folders in it. */
  async #removeIn(folder: string, nowMs: number): Promise<readonly string[]> {
    const folders: string[] = []
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) folders.push(entry.name)
      if (!hiddenName.test(entry.name)) continue
      const path = join(folder, entry.name)
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }))
      if (nowMs - mtimeMs > dayMs) await rm(path, { force: true }).catch(() => undefined)
    }
    return folders
  }
}
