// The history of the shell in ~/.changefeed_history: one entry per line, the oldest first. If the file cannot be read or written,
// the shell works without it.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const maxHistory = 1000

export class HistoryFile {
  readonly #path: string

  constructor(path = join(homedir(), '.changefeed_history')) {
    this.#path = path
  }

  /** Returns the entries, the newest first. */
  read(): string[] {
    try {
      const lines = readFileSync(this.#path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
      if (lines.length > 2 * maxHistory) {
        writeFileSync(this.#path, `${lines.slice(-maxHistory).join('\n')}\n`, { mode: 0o600 })
      }
      return lines.slice(-maxHistory).reverse()
    } catch {
      return []
    }
  }

  append(entry: string): void {
    try {
      appendFileSync(this.#path, `${entry}\n`, { mode: 0o600 })
    } catch {
      // The next session will lack these entries.
    }
  }
}

/** Joins the lines of a statement to one entry; returns undefined if a comment to the end of a line prevents it. */
export function historyEntry(lines: readonly string[]): string | undefined {
  if (lines.length > 1 && lines.some((line) => line.includes('--'))) return undefined
  return lines
    .map((line) => line.trim())
    .join(' ')
    .trim()
}
