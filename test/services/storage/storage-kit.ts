// What any kind of storage needs so that every promise of a sink is tried on it (test/suites/sink-suite.ts): a client, and the
// objects that are there. Files hold whole messages with their keys, since the lines of NDJSON have none.

import { FileNames } from '../../../src/sink/storage/file-names.ts'
import type { FileBody, FileFormat } from '../../../src/sink/storage/files/file-body.ts'
import type { StorageClient } from '../../../src/sink/storage/storage-client.ts'
import { StorageSink } from '../../../src/sink/storage/storage-sink.ts'
import { zeroHlc } from '../../../src/core/hlc.ts'
import type { Delivered, Destination, DestinationOptions, SinkKit } from '../../suites/sink-kit.ts'

export interface StoragePlace extends Pick<Destination, 'break' | 'mend'> {
  open(signal: AbortSignal): Promise<StorageClient>
  /** Names and bytes of all objects that are visible. */
  objects(): Promise<ReadonlyMap<string, Buffer>>
}

export interface StorageKitOptions extends Pick<SinkKit, 'skip' | 'start' | 'end' | 'trouble'> {
  place(options: DestinationOptions): Promise<StoragePlace>
}

const fileSize = 1024 * 1024
/** Less than the promises of a sink allow it to hold. */
const budgetBytes = 16 * 1024 * 1024

export function storageKit({ place, ...kit }: StorageKitOptions): SinkKit {
  return {
    ...kit,
    resolvedMessages: () => 1,
    keepsNilValues: true,
    async destination(options) {
      const far = await place(options)
      const topics = Array.from({ length: options.topics }, (_, i) => `topic${i}`)
      // As if the feed was repeated from its start, but behind the files of the sink before.
      let opened = 0
      return {
        ...(far.break === undefined ? {} : { break: () => far.break?.() as Promise<void> }),
        ...(far.mend === undefined ? {} : { mend: () => far.mend?.() as Promise<void> }),
        async open(signal, meter) {
          const client = await far.open(signal)
          await client.check?.(signal)
          const session = (++opened).toString(16).padStart(16, '0')
          return new StorageSink({
            client,
            format: wholeMessages,
            names: new FileNames({ partitioning: 'daily', extension: wholeMessages.extension, session }),
            topics,
            firstTime: zeroHlc,
            fileSize,
            budgetBytes,
            timeoutMs: 0,
            retry: options.isImpatient === true ? { max: 1, backoffMs: 10 } : { max: Infinity, backoffMs: 20 },
            warn: () => undefined,
            signal,
            meter,
          })
        },
        async delivered() {
          const objects = [...(await far.objects())].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          return objects.flatMap(([name, bytes]) => messagesOf(name, bytes, topics))
        },
      }
    },
  }
}

const wholeMessages: FileFormat = {
  extension: 'messages',
  contentType: 'application/octet-stream',
  begin: () => new WholeMessages(),
}

/** Each part of a message is its length as i32 and its bytes; no value: -1. */
class WholeMessages implements FileBody {
  #parts: Buffer[] = []
  #bytes = 0

  get ready(): number {
    return this.#bytes
  }

  get estimate(): number {
    return this.#bytes
  }

  get held(): number {
    return this.#bytes
  }

  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number): void {
    this.#add(Buffer.from(bytes.slice(keyStart, keyEnd)))
    this.#add(valueEnd < 0 ? undefined : Buffer.from(bytes.slice(keyEnd, valueEnd)))
  }

  take(): Uint8Array {
    const all = Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    return all
  }

  end(): void {}

  #add(part: Buffer | undefined): void {
    const length = Buffer.alloc(4)
    length.writeInt32BE(part?.length ?? -1)
    this.#parts.push(length, part ?? Buffer.alloc(0))
    this.#bytes += 4 + (part?.length ?? 0)
  }
}

function messagesOf(name: string, bytes: Buffer, topics: readonly string[]): Delivered[] {
  if (name.endsWith('.RESOLVED')) return [{ topic: undefined, partition: 0, key: undefined, value: bytes }]
  const topic = topics.findIndex((own) => name.includes(`-${own}-`))
  const found: Delivered[] = []
  let at = 0
  const next = (): Buffer | null => {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0) return null
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const key = String(next())
    found.push({ topic, partition: 0, key, value: next() })
  }
  return found
}
