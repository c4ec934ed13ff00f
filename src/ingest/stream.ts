// Near the head: the replication stream. Messages go to the log as they come, in groups that become durable together;
// timestamps are closed where the source's clock was asked and the stream has passed; the slot is told what is durable.
//
// A keepalive's WAL end, outside a transaction, promises that everything before it has been decoded and sent: the server
// moves that position when it has handed a record's output on.

import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc } from '../core/hlc.ts'
import { formatLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { LogWriter } from '../changelog/files/log-writer.ts'
import type { CopyBothStream, RawConnection } from '../postgres/raw-connection.ts'
import { serverError } from '../postgres/server-error.ts'
import type { MessageApplier } from './apply-message.ts'
import type { ClockProbe } from './clock-probe.ts'
import { CopyBothParser, statusUpdate } from './copy-both-parser.ts'
import type { GroupCommit } from './group-commit.ts'
import { publication } from './install-sql.ts'
import { stampClosed } from './stamp.ts'

/** Farther behind than this, and over TCP, reading slowly lets the server send in large pieces. */
const behindBytes = 4n * 1024n * 1024n
const slowReadMs = 16
const confirmEveryMs = 100

export interface StreamOptions {
  readonly connection: RawConnection
  readonly slot: string
  readonly overTcp: boolean
  readonly writer: LogWriter
  readonly applier: MessageApplier
  readonly commit: GroupCommit
  readonly probe: ClockProbe
  readonly closedTargetMs: () => number
  readonly sourceLsn: () => Lsn
}

export class SlotStream {
  readonly #options: StreamOptions
  readonly #parser: CopyBothParser
  #stream: CopyBothStream | undefined
  /** Everything before it has arrived. */
  #received: Lsn
  #confirmed: Lsn = 0n
  #confirmedAtMs = 0
  #confirmTimer: NodeJS.Timeout | undefined
  #askedFor: Lsn = 0n

  constructor(options: StreamOptions) {
    this.#options = options
    this.#received = options.writer.endLsn
    const { applier } = options
    this.#parser = new CopyBothParser({
      message: (bytes, start, end) => applier.apply(bytes, start, end),
      keepalive: (walEnd, _micros, replyWanted) => this.#keepalive(walEnd, replyWanted),
      other: (tag, bytes, start, end) => {
        if (tag === 0x45) throw serverError(bytes, start, end)
        if (tag === 0x63) throw new FeedError('FEED_SOURCE_DOWN', 'PostgreSQL ended the replication stream')
      },
    })
  }

  /** Everything before it has arrived. */
  get received(): Lsn {
    return this.#received
  }

  /** Starts the stream; `ended` of the result rejects when it is over. */
  async start(): Promise<CopyBothStream> {
    const { connection, slot, writer } = this.#options
    const sql = `START_REPLICATION SLOT "${slot}" LOGICAL ${formatLsn(writer.durableEndLsn)} (proto_version '1', publication_names '"${publication}"', messages 'true')`
    this.#stream = await connection.copyBoth(sql, (buffer, length) => this.#chunk(buffer, length))
    return this.#stream
  }

  /** Probes have been added: closes what can be closed, else asks the server how far it has sent. */
  probed(): void {
    this.#closeReached()
    void this.#options.commit.written()
    this.#askPosition()
  }

  /** Something became durable. */
  durable(): void {
    const waited = Date.now() - this.#confirmedAtMs
    if (waited >= confirmEveryMs) this.confirm()
    else this.#confirmTimer ??= setTimeout(() => this.confirm(), confirmEveryMs - waited)
  }

  /** Tells the slot what is durable; also keeps the connection alive. */
  confirm(): void {
    clearTimeout(this.#confirmTimer)
    this.#confirmTimer = undefined
    this.#confirmed = this.#options.writer.durableEndLsn
    this.#confirmedAtMs = Date.now()
    this.#stream?.send(statusUpdate(this.#confirmed, false))
  }

  stop(): void {
    clearTimeout(this.#confirmTimer)
  }

  #chunk(buffer: Buffer, length: number): void | Promise<void> {
    const { applier, commit, overTcp, sourceLsn } = this.#options
    this.#parser.push(buffer, length)
    if (applier.receivedEnd > this.#received) this.#received = applier.receivedEnd
    this.#closeReached()
    const wait = commit.written()
    if (!overTcp || sourceLsn() - this.#received < behindBytes) return wait
    return delay(slowReadMs).then(() => wait)
  }

  #keepalive(walEnd: Lsn, replyWanted: boolean): void {
    const { applier, writer, commit } = this.#options
    if (applier.inTransaction) {
      if (replyWanted) this.confirm()
      return
    }
    if (applier.receivedEnd > this.#received) this.#received = applier.receivedEnd
    if (walEnd > this.#received) this.#received = walEnd
    this.#askedFor = 0n
    this.#closeReached()
    if (!replyWanted) {
      this.#askPosition()
      return
    }
    // A server that shuts down waits until all it has sent is confirmed, also what concerns nobody here.
    if (walEnd > writer.endLsn) writer.closed(writer.lastTimestamp, walEnd)
    commit.drain().then(
      () => this.confirm(),
      () => undefined,
    )
  }

  #closeReached(): void {
    const { applier, probe, writer, closedTargetMs } = this.#options
    if (applier.inTransaction) return
    const reached = probe.reached(this.#received)
    if (reached === undefined) return
    const ts = stampClosed(writer.lastTimestamp, reached.micros, reached.exact ? 0 : closedTargetMs())
    if (reached.exact || compareHlc(ts, writer.lastTimestamp) > 0) writer.closed(ts, reached.lsn)
  }

  /** Once for each position: the answer is a keepalive. */
  #askPosition(): void {
    const { probe, writer } = this.#options
    const target = probe.target
    if (target === undefined || target <= this.#received || target <= this.#askedFor) return
    this.#askedFor = target
    this.#stream?.send(statusUpdate(writer.durableEndLsn, true))
  }
}
