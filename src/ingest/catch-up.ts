// Pulls in bulk until ingest is near the end of the source's WAL. After each pull the log is made durable, and only then is
// the slot moved, to exactly the log's durable end.
//
// Every pull decodes again from where the slot must restart. That position moves only past a record of the running
// transactions, which the server writes every 15 seconds; so we have one written before each pull, for the next pull. And a
// pull that reached the end is the last one, however much was written meanwhile: the stream decodes that once.
//
// A pull may bring nothing, because no watched table was written to. The slot must move all the same, or the stream would
// decode all of it again. It must not move to the flush position that the server reports: that may lie inside a record, and
// after a crash another commit may begin before it. So a logical message is written before each pull and flushed with
// its transaction; every commit before the end of that record is whole, durable, and in the pull.

import { askClock } from './clock-probe.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { flushedMark } from '../postgres/flushed-mark.ts'
import { advance, noteRunningSql } from './move-slot.ts'
import { pullFromCopy, type CatchUpOptions } from './pull-from-copy.ts'
import { Pulls } from './pulls.ts'
import { stampClosed } from './stamp.ts'

/** With more WAL than this to read, a bulk pull pays: one of some 50,000 messages is not slower than the stream. */
const worthPullingBytes = 8n * 1024n * 1024n
/** With more than this it pays to make a copy of the slot, which takes a connection. */
const worthCopyingBytes = 32n * 1024n * 1024n

export interface CaughtUp {
  /** False: the server cannot collect even the smallest pull, and only the stream is left. */
  readonly isRoom: boolean
  /** The connection that is to be used from now on. */
  readonly replication: RawConnection
}

export async function catchUp(options: CatchUpOptions): Promise<CaughtUp> {
  const { usesFunctions, history, writer, clock, commit, control, slot, closedTargetMs, sourceAt, pulling } = options
  const pulls = new Pulls({ ...options, connection: options.replication })
  let isCopied = false
  for (;;) {
    const probe = await askClock(control, clock, false)
    sourceAt(probe.lsn)
    if (probe.lsn - writer.endLsn < worthPullingBytes) return { isRoom: true, replication: pulls.connection }
    pulling()
    const isLong = probe.lsn - writer.endLsn >= worthCopyingBytes
    // Until the source has proved to be the log's, the slot must send all of it again. A role that reads by functions may not copy.
    if (isLong && history.isChecked && !usesFunctions && !isCopied) {
      isCopied = true
      const isAll = await pullFromCopy({ ...options, replication: pulls.connection }, pulls.mostMessages)
      await commit.drain()
      await advance(pulls.connection, slot, writer.durableEndLsn)
      if (isAll) return { isRoom: true, replication: pulls.connection }
      continue
    }
    await control.query(noteRunningSql)
    const mark = await flushedMark(control)
    const pulled = await pulls.next()
    if (pulled.tag === 'no room') return { isRoom: false, replication: pulls.connection }
    // The pull began after the probe and the mark, and it has decoded every record that was flushed when it began.
    if (pulled.isAll) writer.closed(stampClosed(writer.lastTimestamp, probe.micros, closedTargetMs()), mark)
    await commit.drain()
    await advance(pulls.connection, slot, writer.durableEndLsn)
    if (pulled.isAll) return { isRoom: true, replication: pulls.connection }
  }
}
