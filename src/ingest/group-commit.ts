// Makes durable in groups what an attempt has written: the next group collects while the previous one is synced. What is
// durable may be confirmed to the slot.

import type { ChangelogWriter } from '../changelog/changelog.ts'

/** If more bytes than this are written and not durable, reading stops until the disk has caught up. */
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

  /** To be called after writing. If it returns a promise, the caller must wait before it reads on. */
  written(): void | Promise<void> {
    if (this.#running === undefined && this.#writer.hasUnpublished) {
      this.#running = this.#run()
      // A failure rejects for the callers that wait, and is reported to `failed`.
      this.#running.catch(() => undefined)
    }
    if (this.#writer.unsyncedBytes > maxUnsyncedBytes && this.#running !== undefined) return this.#wait(this.#running)
  }

  /** Settles when everything complete is durable. */
  async drain(): Promise<void> {
    await this.written()
    await this.#running
  }

  async #wait(running: Promise<void>): Promise<void> {
    const startMs = performance.now()
    await running
    this.#writer.meter.count('waitNanos', (performance.now() - startMs) * 1e6)
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
