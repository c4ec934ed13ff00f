// The feed of a job that writes files, as somebody who watches the folder sees it: files come in the order of their names. When the
// feed is disposed of, the folder is judged as a whole, too (validators/folder.ts).

import { setTimeout as delay } from 'node:timers/promises'
import { fileIn, isFolder, linesOf, namesIn, splitKey, type FolderFile } from '../support/read-folder.ts'
import { judgeFolder } from '../validators/folder.ts'
import { JobFeed, type FarEndReader, type JobFeedOptions } from './job-feed.ts'
import type { FeedMessage } from './test-feed.ts'

export interface StorageFeedOptions extends Omit<JobFeedOptions, 'read'> {
  /** The folder with the files, which need not be there yet. */
  readonly folder: string
}

export class StorageFeed extends JobFeed {
  readonly folder: string
  readonly #isJudged: boolean

  private constructor(options: StorageFeedOptions) {
    const { folder, statement } = options
    super({ ...options, read: (take) => new FolderReader(folder, /\bkey_in_value\b/.test(statement), take) }, statement)
    this.folder = folder
    this.#isJudged = options.isJudged !== false && /\bupdated\b/.test(statement) && !/\bformat\b/.test(statement)
  }

  static override async open(options: StorageFeedOptions): Promise<StorageFeed> {
    const feed = new StorageFeed(options)
    await feed.create(options)
    return feed
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]()
    const [failure] = this.#isJudged ? judgeFolder(this.folder).failures : []
    if (failure !== undefined) throw new Error(`the folder in the order of its names: ${failure}`)
  }
}

const everyMs = 20

class FolderReader implements FarEndReader {
  readonly #folder: string
  readonly #keepsKey: boolean
  readonly #take: (message: FeedMessage) => void
  readonly #seen = new Set<string>()
  readonly #running: Promise<void>
  #isClosed = false

  constructor(folder: string, keepsKey: boolean, take: (message: FeedMessage) => void) {
    this.#folder = folder
    this.#keepsKey = keepsKey
    this.#take = take
    this.#running = this.#run()
  }

  async drained(): Promise<void> {
    this.#read()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#running
    this.#read()
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#read()
      await delay(everyMs)
    }
  }

  #read(): void {
    if (!isFolder(this.#folder)) return
    for (const name of namesIn(this.#folder)) {
      if (this.#seen.has(name)) continue
      this.#seen.add(name)
      this.#messages(fileIn(this.#folder, name))
    }
  }

  #messages(file: FolderFile): void {
    const { topic, text } = file
    if (topic === undefined) return this.#take({ topic, partition: '', key: '', value: text })
    for (const line of linesOf(file)) {
      const [key, rest] = splitKey(line)
      this.#take({ topic, partition: topic, key, value: this.#keepsKey ? line : rest })
    }
  }
}
