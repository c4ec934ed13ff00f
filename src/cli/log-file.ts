// The file of the server's log. When it is large enough it is renamed, `changefeed.log` to `changefeed.log.1`, that to
// `changefeed.log.2` and so on, and a new one is begun; the oldest goes.
//
// Somebody else may remove or rename the file, as logrotate does: then a new one is begun within a second.
// A full disk is one of the things that a log has to report: a line that cannot be written goes to the standard error, and is
// lost if that fails, too. What a write has left of it becomes a line of its own. The server continues in all cases.

import {
  chmodSync,
  closeSync,
  fchmodSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  type Stats,
} from 'node:fs'
import { join } from 'node:path'

const standardError = 2
/** It is looked whether the file is still there when something is written, and no more often. */
const looksEveryMs = 1000
const name = 'changefeed.log'

export interface LogLimits {
  /** A file is not larger than that, unless a single line is. */
  readonly fileBytes: number
  /** All files together are not larger than that. */
  readonly totalBytes: number
}

export class LogFile {
  readonly #logs: string
  readonly #path: string
  readonly #limits: LogLimits
  #fd: number
  #bytes = 0
  /** The file ends in the middle of a line. */
  #isTorn = false
  readonly #now: () => number
  #lookedAtMs: number

  constructor(storeDir: string, limits: LogLimits, now: () => number = () => performance.now()) {
    this.#now = now
    this.#lookedAtMs = now()
    this.#logs = join(storeDir, 'logs')
    mkdirSync(this.#logs, { recursive: true, mode: 0o700 })
    this.#path = join(this.#logs, name)
    this.#limits = limits
    this.#fd = this.#open()
    // An earlier version made the folder readable for everybody.
    chmodSync(this.#logs, 0o700)
    if (fstatSync(this.#fd).isFile()) fchmodSync(this.#fd, 0o600)
    this.#try('old files of the log could not be removed', () => this.#removeOldest())
  }

  /** `line`: with its line feed. */
  write(line: string): void {
    this.#look()
    if (this.#bytes > 0 && this.#bytes + Buffer.byteLength(line) > this.#limits.fileBytes) this.#rotate()
    const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line)
    const written = writeAll(this.#fd, bytes)
    this.#bytes += written
    if (written === bytes.length) {
      this.#isTorn = false
      return
    }
    if (written > 0) this.#isTorn = true
    writeAll(standardError, Buffer.from(line))
  }

  /** Begins a new file if the name leads to no file or to another one. */
  #look(): void {
    const nowMs = this.#now()
    if (nowMs - this.#lookedAtMs < looksEveryMs) return
    this.#lookedAtMs = nowMs
    this.#try('the log could not be begun again', () => {
      const own = fstatSync(this.#fd)
      // Somebody may have emptied it.
      if (own.isFile()) this.#bytes = own.size
      const there = statSync(this.#path, { throwIfNoEntry: false })
      if (there !== undefined && isSame(there, own)) return
      if (there === undefined && statSync(this.#logs, { throwIfNoEntry: false }) === undefined)
        mkdirSync(this.#logs, { mode: 0o700 })
      this.#begin()
    })
  }

  /** If files cannot be renamed, the log goes on in the same one, and it is tried again after as many bytes. */
  #rotate(): void {
    this.#bytes = 0
    this.#try('the log could not be rotated', () => {
      for (const number of this.#numbers().toReversed())
        renameSync(`${this.#path}.${number}`, `${this.#path}.${number + 1}`)
      if (existsSync(this.#path)) renameSync(this.#path, `${this.#path}.1`)
      this.#begin()
      this.#removeOldest()
    })
  }

  #begin(): void {
    const before = this.#fd
    this.#fd = this.#open()
    closeSync(before)
  }

  #open(): number {
    const fd = openSync(this.#path, 'a+', 0o600)
    const facts = fstatSync(fd)
    const end = Buffer.from('\n')
    if (facts.isFile() && facts.size > 0) readSync(fd, end, 0, 1, facts.size - 1)
    this.#isTorn = end.toString() !== '\n'
    this.#bytes = facts.size
    return fd
  }

  #removeOldest(): void {
    let bytes = this.#limits.fileBytes
    for (const number of this.#numbers()) {
      const path = `${this.#path}.${number}`
      bytes += statSync(path).size
      if (bytes > this.#limits.totalBytes) rmSync(path)
    }
  }

  /** Of the files that are kept; the newest comes first. */
  #numbers(): readonly number[] {
    return readdirSync(this.#logs)
      .flatMap((file) => /^changefeed\.log\.(\d{1,9})$/.exec(file)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
  }

  #try(what: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      writeAll(standardError, Buffer.from(`${what}: ${(error as Error).message}\n`))
    }
  }
}

function isSame(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev
}

/** Returns how many bytes were written. */
function writeAll(fd: number, bytes: Buffer): number {
  let written = 0
  try {
    while (written < bytes.length) {
      const more = writeSync(fd, bytes, written)
      if (more === 0) break
      written += more
    }
  } catch {
    // The number says it.
  }
  return written
}
