// Reads a far end that has no partitions, in the order in which messages come.

import { laterHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { hlcOf, type FeedMessage } from '../feed/test-feed.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import type { FarEndReader } from './far-end.ts'

interface ResolvedNote {
  readonly resolved: Hlc
  readonly cameAt: bigint
}

export interface NotesOptions {
  done(): Promise<void>
  end?(): Promise<void>
}

export class Notes implements FarEndReader {
  readonly partitions = ['']
  readonly #options: NotesOptions
  readonly #notes: (RowNote | ResolvedNote)[] = []
  resolved: Hlc = zeroHlc

  constructor(options: NotesOptions) {
    this.#options = options
  }

  take({ topic, key, value }: FeedMessage): void {
    if (topic !== undefined) {
      this.#notes.push({ partition: '', topic, key, value, updated: hlcOf(value, 'updated') })
      return
    }
    const resolved = hlcOf(value, 'resolved')
    this.#notes.push({ resolved, cameAt: BigInt(Date.now()) * 1_000_000n })
    this.resolved = laterHlc(this.resolved, resolved)
  }

  rows(): RowNote[] {
    return this.#notes.filter((note) => 'key' in note)
  }

  replay(validator: Validator): void {
    for (const note of this.#notes) {
      if ('key' in note) validator.noteRow(note)
      else validator.noteResolved('', note.resolved, note.cameAt)
    }
  }

  done(): Promise<void> {
    return this.#options.done()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.end?.()
  }
}
