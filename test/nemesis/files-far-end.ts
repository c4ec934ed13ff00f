// A place for files under the nemesis: it fails, loses answers, stands still, and cuts connections wherever a request is. What it has at the end is
// read in the order of the names, as readers of files do.

import { laterHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { hlcOf } from '../feed/test-feed.ts'
import { fileOf, inOrder, linesOf, splitKey, type FolderFile } from '../support/read-folder.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import type { FarEndReader, NemesisFarEnd } from './far-end.ts'
import { troublesOf, type FarEndTroubles } from './far-end-troubles.ts'

export interface FilesPlace extends FarEndTroubles {
  /** In names. */
  readonly name: string
  /** The URI of a folder, with all parameters that it needs. */
  uri(folder: string): string
  /** The names of the files in a folder, in any order. */
  names(folder: string): readonly string[]
  file(folder: string, name: string): Buffer
  /** When it came, as wall nanoseconds, if that is known. */
  cameAt(folder: string, name: string): bigint | undefined
  remove(folder: string): void
}

export function filesFarEnd(place: FilesPlace): NemesisFarEnd {
  let parameters = ''
  return {
    name: place.name,
    hasKeyInValue: true,
    read: async ({ prefix }) => new FilesReader(place, prefix),
    uri({ prefix }) {
      const uri = place.uri(prefix)
      return parameters === '' ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${parameters}`
    },
    options(random) {
      parameters = random.pick<string>([
        [2, ''],
        // Each file is a request, and backfills have thousands of rows.
        [2, 'file_size=500B'],
        [1, 'file_size=5KB&partition_format=flat'],
        [1, 'partition_format=hourly'],
      ])
      return random.pick<string>([
        [2, ''],
        [1, ", compression = 'gzip'"],
        [1, ", compression = 'zstd'"],
      ])
    },
    events: (random) => troublesOf('the place for files', place, random),
    freeze: () => place.break(),
    thaw: () => place.mend(),
  }
}

class FilesReader implements FarEndReader {
  readonly partitions = ['']
  readonly #place: FilesPlace
  readonly #folder: string
  /** Of each file. There are thousands, and they are asked for again and again; what they have in the end is read anew. */
  readonly #rows = new Map<string, readonly RowNote[]>()
  #all: RowNote[] = []

  constructor(place: FilesPlace, folder: string) {
    this.#place = place
    this.#folder = folder
  }

  get resolved(): Hlc {
    return this.#names()
      .filter((name) => name.endsWith('.RESOLVED'))
      .map((name) => hlcOf(this.#file(name).text, 'resolved'))
      .reduce(laterHlc, zeroHlc)
  }

  rows(): RowNote[] {
    const names = this.#names()
    // While somebody waits for files, whatever stands between the changefeed and the place should have time to bring them.
    if (names.length === this.#rows.size) return this.#all
    this.#all = names.flatMap((name) => {
      const rows = this.#rows.get(name) ?? rowsOf(this.#file(name))
      this.#rows.set(name, rows)
      return rows
    })
    return this.#all
  }

  replay(validator: Validator): void {
    for (const name of this.#names()) {
      const file = this.#file(name)
      if (file.topic === undefined) {
        validator.noteResolved('', hlcOf(file.text, 'resolved'), this.#place.cameAt(this.#folder, name))
        continue
      }
      for (const row of rowsOf(file)) validator.noteRow(row)
    }
  }

  async done(): Promise<void> {
    // What cannot be read throws where it is read.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#place.remove(this.#folder)
  }

  /** In their order, in bytes. */
  #names(): readonly string[] {
    return inOrder(this.#place.names(this.#folder))
  }

  #file(name: string): FolderFile {
    return fileOf(name, this.#place.file(this.#folder, name))
  }
}

function rowsOf(file: FolderFile): RowNote[] {
  const { topic } = file
  if (topic === undefined) return []
  return linesOf(file).map((value) => ({
    partition: '',
    topic,
    key: splitKey(value)[0],
    value,
    updated: hlcOf(value, 'updated'),
  }))
}
