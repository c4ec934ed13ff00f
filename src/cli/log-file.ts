// The file of the server's log. When it is large enough it is renamed, `changefeed.log` to `changefeed.log.1`, that to
// `changefeed.log.2` and so on, and a new one is begun; the oldest goes. A full disk is one of the things that a log has to report: a
// line that cannot be written goes to the standard error, and is lost if that fails, too. The server continues in both cases.

import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const standardError = 2

export interface LogLimits {
  /** A file is not larger than that, but for its last line. */
  readonly fileBytes: number
  /** All files together are not larger than that. */
  readonly totalBytes: number
}

export class LogFile {
  readonly #path: string
  readonly #limits: LogLimits
  #fd: number
  #bytes: number

  constructor(storeDir: string, limits: LogLimits) {
    const logs = join(storeDir, 'logs')
    mkdirSync(logs, { recursive: true, mode: 0o700 })
    this.#path = join(logs, 'changefeed.log')
    this.#limits = limits
    this.#fd = openSync(this.#path, 'a', 0o600)
    // An earlier version made the folder readable for everybody.
    chmodSync(logs, 0o700)
    const facts = fstatSync(this.#fd)
    if (facts.isFile()) fchmodSync(this.#fd, 0o600)
    this.#bytes = facts.size
  }

  /** `line`: with its line feed. */
  write(line: string): void {
    if (this.#bytes >= this.#limits.fileBytes) this.#rotate()
    if (written(this.#fd, line)) this.#bytes += Buffer.byteLength(line)
    else written(standardError, line)
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
      const next = openSync(this.#path, 'a', 0o600)
      closeSync(this.#fd)
      this.#fd = next
    } catch (error) {
      written(standardError, `the log could not be rotated: ${(error as Error).message}\n`)
    }
  }
}

function renamed(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function written(fd: number, line: string): boolean {
  try {
    writeSync(fd, line)
    return true
  } catch {
    return false
  }
}
