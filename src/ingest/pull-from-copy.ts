// Bulk pulls from a temporary copy of the slot (slot-copy.ts): PostgreSQL collects the next pull while the disk, the feeds and the
// slot still take the last one, so that it is busy all the time.

import type { Lsn } from '../core/lsn.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { AttemptParts } from './attempt-parts.ts'
import { askClock } from './clock-probe.ts'
import { advance, noteRunningSql } from './move-slot.ts'
import { bulkPull, slotMoved, type Pulled } from './bulk-pull.ts'
import { isNoRoom, nextPullMessages } from './pulls.ts'
import { roomIn } from './readings/gate.ts'
import { flushedMark } from '../postgres/flushed-mark.ts'
import { copySlot, mayPullFromCopy, type PullConnections, type SlotCopy } from './slot-copy.ts'
import { stampClosed } from './stamp.ts'

export interface CatchUpOptions extends Omit<AttemptParts, 'health'> {
  readonly closedTargetMs: () => number
  /** Called with the source's present flush position. */
  readonly sourceAt: (lsn: Lsn) => void
  /** Called when a pull begins. */
  readonly pulling: () => void
  readonly forPulls: PullConnections
  /** Opens a new connection for the slot in the place of this one. */
  readonly replace: (replication: RawConnection) => Promise<RawConnection>
}

/** `mostMessages`: of the first pull. Returns whether everything has come that was flushed when the last pull began; if not, the rest is to be pulled from the slot itself. */
export async function pullFromCopy(options: CatchUpOptions, mostMessages: number): Promise<boolean> {
  const { control, clock, commit, writer, replication, slot, sourceAt, closedTargetMs, forPulls } = options
  const copy = await copySlot(slot, forPulls)
  if (copy === undefined) return false
  const moving = new SlotMover(() => advance(replication, slot, writer.durableEndLsn))
  try {
    for (let most = mostMessages; ;) {
      const probe = await askClock(control, clock, false)
      sourceAt(probe.lsn)
      const may = await mayPullFromCopy(control, slot, writer.endLsn)
      if (may === 'moved') throw slotMoved(slot)
      if (may === 'no') return false
      await control.query(noteRunningSql)
      const mark = await flushedMark(control)
      const pulled = await pull(options, copy, most)
      if (pulled === undefined) return false
      const isAll = pulled.messages < most
      if (isAll) writer.closed(stampClosed(writer.lastTimestamp, probe.micros, closedTargetMs()), mark)
      void commit.written()
      if (isAll) return true
      moving.move()
      most = nextPullMessages(pulled, most)
    }
  } finally {
    await copy[Symbol.asyncDispose]()
    await moving.settled()
  }
}

/** Undefined: the server had no room to collect it. */
async function pull(options: CatchUpOptions, copy: SlotCopy, maxMessages: number): Promise<Pulled | undefined> {
  const { gate, apply, applier, commit, slot, writer } = options
  gate?.open({ message: apply, keepalive: () => undefined })
  try {
    const pulled = await bulkPull({
      connection: copy.connection,
      slot,
      copy: copy.name,
      logEnd: writer.endLsn,
      maxMessages,
      message: apply,
      gate,
      chunkDone: () => roomIn(gate, commit.written()),
    })
    await gate?.settled()
    return pulled
  } catch (error) {
    if (!isNoRoom(error) || applier.inTransaction) throw error
    return undefined
  }
}

/** PostgreSQL reads the WAL for it from where the slot must restart, and cannot remove WAL before that. */
const moveEveryMs = 5000

/** Moves the slot beside the pulls, now and then. */
class SlotMover {
  readonly #work: () => Promise<void>
  #movedAtMs = performance.now()
  #running: Promise<void> | undefined
  #error: unknown

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** Throws what the last time failed with. */
  move(): void {
    if (this.#error !== undefined) throw this.#error
    if (this.#running !== undefined || performance.now() - this.#movedAtMs < moveEveryMs) return
    this.#running = this.#work()
      .catch((error: unknown) => (this.#error = error))
      .then(() => {
        this.#running = undefined
        this.#movedAtMs = performance.now()
      })
  }

  async settled(): Promise<void> {
    await this.#running
    if (this.#error !== undefined) throw this.#error
  }
}
