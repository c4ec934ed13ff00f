// The file of the server's log. When it is large enough it is renamed, `changefeed.log` to `changefeed.log.1`, that to
// `changefeed.log.2` and so on, and a new one is begun; the oldest goes. A full disk is one of the things that a log has to report: a
// line that cannot be written goes to the standard error, and is lost if that fails, too. The server continues in both cases. If
// somebody moves or removes the file, or its folder, a new one is begun a second later.

import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

const standardError = 2
const looksEveryMs = 1000
const lineFeed = 10

export interface LogLimits {
  /** A file is not larger than that, but for its last line. */
  readonly fileBytes: number
  /** All files together are not larger than that. */
  readonly totalBytes: number
}

export class LogFile {
  readonly #path: string
  readonly #limits: LogLimits
  readonly #now: () => number
  #fd: number
  #bytes: number
  #lookedAtMs: number
  /** The file ends in the middle of a line. */
  #isTorn = false

  constructor(storeDir: string, limits: LogLimits, now: () => number = () => performance.now()) {
    this.#path = join(storeDir, 'logs', 'changefeed.log')
    this.#limits = limits
    this.#now = now
    this.#lookedAtMs = now()
    this.#fd = openLog(this.#path)
    this.#bytes = fstatSync(this.#fd).size
  }

  /** `line`: with its line feed. */
  write(line: string): void {
    if (this.#now() - this.#lookedAtMs >= looksEveryMs) this.#look()
    if (this.#bytes >= this.#limits.fileBytes) this.#rotate()
    if (!this.#append(line)) written(standardError, line)
  }

  /** Returns false if not all of it could be written. */
  #append(line: string): boolean {
    const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line)
    let at = 0
    try {
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at)
    } catch {
      // The disk is full, as a rule.
    }
    this.#bytes += at
    if (at > 0) this.#isTorn = bytes[at - 1] !== lineFeed
    return at === bytes.length
  }

  /** Begins a new file if this one is not at its place any more: what is written into it would never be read. */
  #look(): void {
    this.#lookedAtMs = this.#now()
    try {
      const facts = statSync(this.#path, { throwIfNoEntry: false })
      const own = fstatSync(this.#fd)
      if (facts?.ino === own.ino && facts.dev === own.dev) return
      this.#become(openLog(this.#path))
    } catch (error) {
      written(standardError, `the log could not be begun again: ${(error as Error).message}\n`)
    }
  }

  #become(fd: number): void {
    closeSync(this.#fd)
    this.#fd = fd
    this.#bytes = fstatSync(fd).size
    this.#isTorn = false
  }

  /** If files cannot be renamed, the log goes on in the same one, and it is tried again after as many bytes. */
  #rotate(): void {
    this.#bytes = 0
    const { fileBytes, totalBytes } = this.#limits
    const kept = Math.max(1, Math.floor(totalBytes / fileBytes) - 1)
    try {
      rmSync(`${this.#path}.${kept}`, { force: true })
      for (let n = kept - 1; n > 0; n--) renamed(`${this.#path}.${n}`, `${this.#path}.${n + 1}`)
      renamed(this.#path, `${this.#path}.1`)
      this.#become(openLog(this.#path))
    } catch (error) {
      written(standardError, `the log could not be rotated: ${(error as Error).message}\n`)
    }
  }
}

function openLog(path: string): number {
  const logs = dirname(path)
  mkdirSync(logs, { recursive: true, mode: 0o700 })
  const fd = openSync(path, 'a', 0o600)
  // An earlier version made the folder readable for everybody.
  chmodSync(logs, 0o700)
  if (fstatSync(fd).isFile()) fchmodSync(fd, 0o600)
  return fd
}

function renamed(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function written(fd: number, line: string): void {
  try {
    writeSync(fd, line)
  } catch {
    // There is nobody left to be told.
  }
}
