// The names of files:
//
//   2026-01-31/202601311207031404350000000000001-019c13f0a6b2e6b8-1-2-0000000a-foo-9d41.ndjson
//   partition  time                              session          │ │ file     │   schema
//                                                              node sink     topic
//   2026-01-31/202601311207131404350000000000000.RESOLVED
//
// Whoever reads a folder in the order of its names, in bytes, meets the versions of each row in their order and, before a
// RESOLVED file, all rows up to its time. Why:
//
//   - Within a session, files are finished and named one after the other, by the number of the file. A topic has one open file.
//   - The time is a lower bound of the rows in the file. It moves only when a flush has finished all files, to the time just
//     after what is delivered. The RESOLVED file of T comes after the files of times up to T, and '-' sorts before '.'.
//   - A session starts at the time from which its feed repeats rows, which no earlier session has passed by more than it had
//     saved. If two sessions start at the same time, the later one sorts behind, because its name begins with the clock;
//     and if clocks go wrong, both begin with the same versions of the same rows, so the order of first sightings holds either way.

import { randomBytes } from 'node:crypto'
import type { Hlc } from '../../core/hlc.ts'
import { escapeName } from '../../core/escape-name.ts'
import { FeedError } from '../../errors/feed-error.ts'

export type Partitioning = 'daily' | 'hourly' | 'flat'

/** This server is one node. */
const node = 1
let sinks = 0

export interface FileNamesOptions {
  readonly partitioning: Partitioning
  /** `ndjson`, `csv.gz` and so on. */
  readonly extension: string
  /** For tests; undefined: those of a new session. */
  readonly session?: string
  readonly sink?: number
}

export class FileNames {
  readonly #partitioning: Partitioning
  readonly #extension: string
  readonly #writer: string
  #files = 0
  #last = ''

  constructor({ partitioning, extension, session = newSession(), sink = ++sinks }: FileNamesOptions) {
    this.#partitioning = partitioning
    this.#extension = extension
    this.#writer = `${session}-${node}-${sink}`
  }

  /** Returns the name of the next file. `topic` comes from `topicInName`. */
  next(time: Hlc, topic: string, schema: number): string {
    const digits = timeDigits(time)
    const file = (this.#files++).toString(16).padStart(8, '0')
    const name = `${this.#folder(digits)}${digits}-${this.#writer}-${file}-${topic}-${schema.toString(16)}.${this.#extension}`
    if (name <= this.#last) throw new FeedError('FEED_BUG', `the file ${name} would sort before ${this.#last}`)
    this.#last = name
    return name
  }

  resolved(time: Hlc): string {
    const digits = timeDigits(time)
    return `${this.#folder(digits)}${digits}.RESOLVED`
  }

  #folder(digits: string): string {
    if (this.#partitioning === 'flat') return ''
    const day = `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6, 8)}/`
    return this.#partitioning === 'daily' ? day : `${day}${digits.slice(8, 10)}/`
  }
}

/** Returns 33 digits: year to second in UTC, nanoseconds, and the logical part. */
export function timeDigits({ wall, logical }: Hlc): string {
  const seconds = wall / 1_000_000_000n
  const date = new Date(Number(seconds) * 1000).toISOString()
  const nanos = String(wall % 1_000_000_000n).padStart(9, '0')
  return date.slice(0, 19).replace(/\D/g, '') + nanos + String(logical).padStart(10, '0')
}

/** A topic in the name of a file: as it is, except for characters that no file can have in its name, or that make a folder. */
export function topicInName(topic: string): string {
  // oxlint-disable-next-line no-control-regex
  return escapeName(topic, /[/\\\u0000-\u001f\u007f]/gu)
}

/** The most bytes of a topic, so that the name is none too long for a file system, also with `.part` and a dot in front. */
export const maxTopicBytes = 150

/** 16 hexadecimal digits: the time in ms, so that a later session sorts behind an earlier one, and four random ones. */
function newSession(): string {
  return Date.now().toString(16).padStart(12, '0') + randomBytes(2).toString('hex')
}
