// A web server for files under the nemesis: it fails, loses answers, stands still, and cuts connections wherever a request is. What it has at the end is
// read in the order of the names, as readers of files do.

import { setTimeout as delay } from 'node:timers/promises'
import { laterHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { hlcOf } from '../feed/test-feed.ts'
import type { PutAnswer, PutServer } from '../services/storage/put-server.ts'
import { fileOf, linesOf, splitKey, type FolderFile } from '../support/read-folder.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import type { FarEndReader, NemesisFarEnd } from './far-end.ts'

export function filesFarEnd(server: PutServer, address: string): NemesisFarEnd {
  let parameters = ''
  return {
    name: 'files',
    hasKeyInValue: true,
    read: async ({ prefix }) => new FilesReader(server, `/${prefix}/`),
    uri: ({ prefix }) => `file-http://${address}/${prefix}${parameters}`,
    options(random) {
      parameters = random.pick<string>([
        [2, ''],
        [2, '?file_size=500B'],
        [1, '?file_size=5KB&partition_format=flat'],
        [1, '?partition_format=hourly'],
      ])
      return random.pick<string>([
        [2, ''],
        [1, ", compression = 'gzip'"],
        [1, ", compression = 'zstd'"],
      ])
    },
    events: (random) => [
      [
        4,
        [
          'trouble at the web server',
          async () => {
            server.trouble = () =>
              random.pick<PutAnswer>([
                [3, 201],
                [2, 'lose'],
                [2, 'cut'],
                [2, 500],
                [1, 503],
                [1, 429],
              ])
            await delay(random.int(3000))
            server.trouble = () => 201
          },
        ],
      ],
      [
        2,
        [
          'freeze the web server',
          async () => {
            server.break()
            await delay(random.int(3000))
            server.mend()
          },
        ],
      ],
      [
        3,
        [
          'cut connections to the web server',
          async () => {
            for (let i = 0; i < 10; i++) {
              await delay(random.int(60))
              server.cut()
            }
          },
        ],
      ],
    ],
    freeze: () => server.break(),
    thaw: () => server.mend(),
  }
}

class FilesReader implements FarEndReader {
  readonly partitions = ['']
  readonly #server: PutServer
  readonly #path: string

  constructor(server: PutServer, path: string) {
    this.#server = server
    this.#path = path
  }

  get resolved(): Hlc {
    return this.#paths()
      .filter((path) => path.endsWith('.RESOLVED'))
      .map((path) => hlcOf(this.#file(path).text, 'resolved'))
      .reduce(laterHlc, zeroHlc)
  }

  rows(): RowNote[] {
    return this.#paths().flatMap((path) => rowsOf(this.#file(path)))
  }

  replay(validator: Validator): void {
    for (const path of this.#paths()) {
      const file = this.#file(path)
      if (file.topic === undefined) {
        validator.noteResolved('', hlcOf(file.text, 'resolved'), this.#server.cameAt.get(path))
        continue
      }
      for (const row of rowsOf(file)) validator.noteRow(row)
    }
  }

  async done(): Promise<void> {
    // What cannot be read throws where it is read.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#paths()) this.#server.files.delete(path)
  }

  /** In the order of the names, in bytes. */
  #paths(): readonly string[] {
    const own = [...this.#server.files.keys()].filter((path) => path.startsWith(this.#path))
    return own.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  #file(path: string): FolderFile {
    return fileOf(decodeURIComponent(path.slice(this.#path.length)), this.#server.files.get(path) as Buffer)
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
