// The writing side of an attempt: what arrives goes to the log's writer, what is written becomes durable in groups (the
// next group collects while the last one is synced), and what is durable may be confirmed.

import type { ChangelogWriter } from '../changelog/changelog.ts'

/** Written and not yet durable: above it reading stops until the disk has caught up. */
const maxUnsyncedBytes = 64 * 1024 * 1024

export class GroupCommit {
  readonly #writer: ChangelogWriter
  readonly #durable: () => void
  readonly #failed: (error: unknown) => void
  #running: Promise<void> | undefined

  /** `durable` is called after each group, `failed` when the disk refuses. */
  constructor(writer: ChangelogWriter, durable: () => void, failed: (error: unknown) => void) {
    this.#writer = writer
    this.#durable = durable
    this.#failed = failed
  }

  /** Call after writing; a promise means: wait before you read on. */
  written(): void | Promise<void> {
    if (this.#running === undefined && this.#writer.hasUnpublished) {
      this.#running = this.#run()
      // Whoever waits hears of a failure; so does `failed`.
      this.#running.catch(() => undefined)
    }
    if (this.#writer.unsyncedBytes > maxUnsyncedBytes && this.#running !== undefined) return this.#running
  }

  /** Settles when everything complete is durable. */
  async drain(): Promise<void> {
    await this.written()
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      while (this.#writer.hasUnpublished) {
        await this.#writer.flush()
        this.#durable()
        if (this.#writer.unsyncedBytes > maxUnsyncedBytes && !this.#writer.hasUnpublished) break
      }
    } catch (error) {
      this.#failed(error)
      throw error
    } finally {
      this.#running = undefined
    }
  }
}
