// Keeps a file changelog for its writer: the folder of its segments, and the memory that it shares with its readers.

import type { ChangelogKeeper, LogHandle } from '../changelog.ts'
import { LogHead } from './log-head.ts'
import { readNote, writeNote } from './notes.ts'
import { openWriter } from './open-writer.ts'
import { applyRetention } from './retention.ts'

/** The note that says which source the log belongs to. */
const label = 'source'
/** Its file. */
export const labelFile = 'source.json'

export function keepFiles({ dir, shared }: LogHandle): ChangelogKeeper {
  const head = new LogHead(shared)
  return {
    status: head,
    where: dir,
    readLabel: () => readNote(dir, label),
    writeLabel: (text) => writeNote(dir, label, text),
    readNote: (name) => readNote(dir, name),
    writeNote: (name, text) => writeNote(dir, name, text),
    openWriter: () => openWriter(dir, head),
    retain: (nowMs, policy) => void applyRetention(dir, head, nowMs, policy),
    sourceAt(lsn) {
      head.sourceLsn = lsn
    },
    fail: (why) => head.fail(why),
    get closesAsked(): number {
      return head.closesAsked
    },
    closeAsked: (seen, signal) => head.closeAsked(seen, signal),
  }
}
