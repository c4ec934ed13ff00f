// The replication stream, by which ingest reads near the head. Messages go to the log as they come, in groups that become
// durable together. The time of a probe is closed when the stream has passed the probe's position. What is durable is
// confirmed to the slot.
//
// A keepalive's WAL end, outside a transaction, promises that every commit record that starts before it has been decoded
// and sent: the server moves that position to the end of a record after it has written the record's output. The same
// holds for a commit's end. So the stream passes a flush position inside a record only together with that record; and the
// log records only such ends, because after a crash the server may write new commits where an incomplete record began.

import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc } from '../core/hlc.ts'
import { formatLsn, zeroLsn, type Lsn } from '../core/lsn.ts'
import type { CopyBothStream } from '../postgres/copy-stream.ts'
import type { ClockProbes } from './clock-probe.ts'
import type { AttemptParts } from './attempt-parts.ts'
import { publication } from '../source-schema/names.ts'
import { roomIn, type Gate } from './readings/gate.ts'
import { positionAt, readReplicationMessage, statusUpdate, type ReplicationHandler } from './replication-message.ts'
import { stampClosed } from './stamp.ts'

/** If the stream is farther behind than this, over TCP, reading slowly lets the server send in large pieces. */
const behindBytes = 4n * 1024n * 1024n
const slowReadMs = 16
const confirmEveryMs = 100
/** When to ask again if the server has not reached the position of a probe, near that position and far from it. */
const askAgainMs = { near: 2, far: 50 }
const nearBytes = 1024n * 1024n
const commitTag = 0x43
/** Greater than every position. */
const noTarget = 1n << 64n

export interface StreamOptions extends Omit<AttemptParts, 'control' | 'health' | 'clock'> {
  /** A pause between two reads lets the server send in large pieces: over TCP, without TLS. */
  readonly readsInPieces: boolean
  readonly probes: ClockProbes
  readonly closedTargetMs: () => number
  readonly sourceLsn: () => Lsn
}

export class SlotStream implements ReplicationHandler {
  readonly #options: StreamOptions
  #stream: CopyBothStream | undefined
  #received: Lsn
  /** The position of the oldest probe that waits. */
  #target: Lsn = noTarget
  #confirmedAtMs = 0
  #confirmTimer: NodeJS.Timeout | undefined
  #askTimer: NodeJS.Timeout | undefined

  constructor(options: StreamOptions) {
    this.#options = options
    const { history, writer } = options
    this.#received = history.isChecked ? writer.endLsn : history.start
  }

  /** Every commit that starts before it has arrived. */
  get received(): Lsn {
    return this.#received
  }

  /** Starts the stream; its `done` rejects when the server or the connection fails. */
  async start(): Promise<CopyBothStream> {
    const { replication, slot, writer, history, readsInPieces, sourceLsn, commit, gate } = this.#options
    const handler = gate === undefined ? this : this.#through(gate)
    const sql = `START_REPLICATION SLOT "${slot}" LOGICAL ${formatLsn(history.isChecked ? writer.durableEndLsn : history.start)} (proto_version '1', publication_names '"${publication}"')`
    this.#stream = await replication.copyBoth(sql, {
      data: (bytes, start, end) => readReplicationMessage(handler, bytes, start, end),
      chunkDone: () => {
        const wait = roomIn(gate, commit.written())
        if (!readsInPieces || sourceLsn() - this.#received < behindBytes) return wait
        return delay(slowReadMs).then(() => wait)
      },
    })
    return this.#stream
  }

  #through(gate: Gate): ReplicationHandler {
    gate.open(this)
    return {
      message: (bytes, start, end) => gate.message(bytes, start, end, start + positionAt),
      keepalive: (walEnd, replyWanted) => {
        // The server must not wait for an answer until all that is held has passed.
        if (replyWanted && gate.isHolding) this.confirm()
        gate.keepalive(walEnd, replyWanted)
      },
    }
  }

  message(bytes: Buffer, start: number, end: number): void {
    const { applier, apply, history } = this.#options
    apply(bytes, start, end)
    if (bytes[start] !== commitTag) return
    if (!history.isChecked) return
    this.#received = applier.receivedEnd
    if (this.#received >= this.#target) this.#closeReached()
  }

  keepalive(walEnd: Lsn, replyWanted: boolean): void {
    const { applier, history, writer, commit } = this.#options
    if (applier.inTransaction) {
      if (replyWanted) this.confirm()
      return
    }
    history.passed(walEnd)
    if (!history.isChecked) {
      if (replyWanted) this.confirm()
      this.#askTimer ??= setTimeout(() => this.#askPosition(), this.#askAgainMs())
      return
    }
    if (walEnd > this.#received) this.#received = walEnd
    this.#closeReached()
    if (this.#isAwaited) this.#askTimer ??= setTimeout(() => this.#askPosition(), this.#askAgainMs())
    if (!replyWanted) return
    // A server that shuts down waits until all that it has sent is confirmed, even changes of tables that nobody watches.
    if (walEnd > writer.endLsn) writer.closed(writer.lastTimestamp, walEnd)
    commit.drain().then(
      () => this.confirm(),
      () => undefined,
    )
  }

  /** To be called after a probe: closes what can be closed, or asks the server how far it has sent. */
  probed(): void {
    this.#closeReached()
    this.#askPosition()
    void this.#options.commit.written()
  }

  /** To be called when a schema change waits until the stream has passed it. */
  ask(): void {
    this.#askPosition()
  }

  /** To be called when something has become durable. */
  durable(): void {
    const waited = Date.now() - this.#confirmedAtMs
    if (waited >= confirmEveryMs) this.confirm()
    else this.#confirmTimer ??= setTimeout(() => this.confirm(), confirmEveryMs - waited)
  }

  /** Confirms to the slot what is durable, which also keeps the connection alive. */
  confirm(): void {
    clearTimeout(this.#confirmTimer)
    this.#confirmTimer = undefined
    this.#confirmedAtMs = Date.now()
    this.#stream?.send(statusUpdate(this.#confirmable, false))
  }

  /** To be called at the end: nothing is sent any more. */
  stop(): void {
    this.#stream = undefined
    clearTimeout(this.#confirmTimer)
    clearTimeout(this.#askTimer)
  }

  #closeReached(): void {
    const { applier, history, probes, writer, closedTargetMs } = this.#options
    this.#target = probes.target ?? noTarget
    if (!history.isChecked) return
    const reached = applier.inTransaction ? undefined : probes.reached(this.#received)
    this.#target = probes.target ?? noTarget
    if (reached === undefined) return
    const ts = stampClosed(writer.lastTimestamp, reached.micros, reached.exact ? 0 : closedTargetMs())
    const isGain = compareHlc(ts, writer.lastTimestamp) > 0 || this.#received > writer.endLsn
    if (reached.exact || isGain) writer.closed(ts, this.#received)
  }

  /** The position to confirm. Zero confirms nothing: the slot must not move until the source has proved to be the log's. */
  get #confirmable(): Lsn {
    const { history, writer } = this.#options
    return history.isChecked ? writer.durableEndLsn : zeroLsn
  }

  #askAgainMs(): number {
    return this.#target - this.#received < nearBytes ? askAgainMs.near : askAgainMs.far
  }

  /** Asks the server for its position; it answers with a keepalive. */
  #askPosition(): void {
    clearTimeout(this.#askTimer)
    this.#askTimer = undefined
    if (this.#isAwaited) this.#stream?.send(statusUpdate(this.#confirmable, true))
  }

  /** A probe or a schema change waits for the stream. */
  get #isAwaited(): boolean {
    return (
      (this.#target !== noTarget && this.#target > this.#received) ||
      (this.#options.gate?.awaited ?? 0) > this.#received
    )
  }
}
