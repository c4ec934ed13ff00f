// One attempt at following a source, from the log's durable end until something fails or ingest stops: opens the log,
// compares it with the slot, and changes gears by how far behind it is (bulk pulls far behind, the stream else).

import { onAbort } from '../async/or-abort.ts'
import type { LogHead } from '../changelog/files/log-head.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import { serverText, unconvertedSql } from '../postgres/server-text.ts'
import { MessageApplier, type ApplyMessage } from './apply-message.ts'
import { catchUp } from './catch-up.ts'
import { askClock, SourceClock } from './clock-probe.ts'
import { SlotFollower, type Gears } from './follow-slot.ts'
import { MessageConverter } from './convert-message.ts'
import { GroupCommit } from './group-commit.ts'
import { HealthCheck } from './health.ts'
import type { FromIngest, IngestSettings, IngestStart } from './ingest.ts'
import { install } from '../source-schema/install.ts'
import { LogTail } from './log-tail.ts'
import { openLog } from './open-log.ts'
import { passOver } from './pass-over.ts'
import { prepareSource } from './prepare-source.ts'
import { publicationLost, publicationLostSql, type Remedy } from './remedy.ts'
import { SerialQueries } from './serial-queries.ts'

const readBufferBytes = 2 * 1024 * 1024
const applicationName = 'pg-changefeed ingest'
/** Longer than anything of ours holds a lock on one of our tables. */
const controlLockWait = `'30s'`

export interface AttemptOptions {
  readonly start: IngestStart
  readonly head: LogHead
  readonly settings: () => IngestSettings
  readonly feeds: () => number
  readonly say: (message: FromIngest) => void
  /** What is done about the failure of earlier attempts. */
  readonly remedy: Remedy
  /** It is done. */
  readonly remedied: () => void
  /** Aborts when ingest stops. */
  readonly signal: AbortSignal
}

export class Attempt {
  readonly #options: AttemptOptions
  /** Something beside the stream failed: the disk, the control connection. */
  readonly #failed = Promise.withResolvers<never>()
  readonly #connections: RawConnection[] = []
  readonly #follower: SlotFollower
  /** Rows come in the encoding of the database. */
  #isConverted = false
  #tail: LogTail | undefined

  constructor(options: AttemptOptions) {
    this.#options = options
    this.#failed.promise.catch(() => undefined)
    this.#follower = new SlotFollower({ ...options, failed: this.#failed.promise, fail: this.#failed.reject })
  }

  get wasStreaming(): boolean {
    return this.#follower.wasStreaming
  }

  /** Close a timestamp for what is committed now, as soon as the stream is there. */
  closeNow(): void {
    this.#follower.closeNow()
  }

  /** How often timestamps are closed may have changed. */
  rearm(): void {
    this.#follower.rearm()
  }

  /** Why the source is not the one that the log was written from. */
  get difference(): string | undefined {
    return this.#tail?.difference
  }

  /** Settles after a stop; rejects with what made the attempt fail. */
  async run(): Promise<void> {
    const { start, head, say, signal, remedy, remedied } = this.#options
    say({ tag: 'state', state: { tag: 'connecting' } })
    // Always anew: what an earlier attempt began and did not finish is cut off.
    const { writer, damage, last } = openLog(start.dir, head)
    using _givingUp = onAbort(signal, () => {
      if (this.#follower.isStreaming) return
      // A backend that waits for transactions does not notice that we are gone, and would keep its slot.
      for (const connection of this.#connections) {
        void connection.cancel()
        connection.destroy()
      }
    })
    try {
      const control = new SerialQueries(await this.#connect(false))
      // Whoever may write every table could lock ours: ingest then says so, where it would wait without end.
      await control.query(`SET lock_timeout = ${controlLockWait}`)
      const [lost] = await control.query(publicationLostSql)
      await install(control)
      const text = await serverText(control)
      this.#isConverted = text !== undefined
      let replication = await this.#connect(true)
      const { token, slot, gap, confirmed } = await prepareSource({
        dir: start.dir,
        control,
        replication,
        writer,
        damage,
        copy: remedy.tag === 'copy' ? remedy.reason : undefined,
        waiting: (why) => say({ tag: 'waiting', why }),
      })
      if (gap !== undefined) say({ tag: 'gap', reason: gap })
      if (remedy.tag === 'copy') remedied()
      let from = confirmed
      const passes = remedy.tag === 'pass-over' ? remedy.error : lost?.[0] === 'true' ? publicationLost() : undefined
      if (passes !== undefined && confirmed !== undefined) {
        say({ tag: 'gap', reason: await passOver({ control, writer, slot, error: passes }) })
        from = undefined
        remedied()
      }
      say({ tag: 'ready' })
      const clock = new SourceClock()
      await askClock(control, clock, false)
      const tail = new LogTail(from === undefined ? { tag: 'none' } : last, writer.endLsn, from ?? writer.endLsn)
      this.#tail = tail
      const applier = new MessageApplier({ writer, tail, clock, warn: (why) => say({ tag: 'warning', why }) })
      const converter = text && new MessageConverter(text, (bytes, start, end) => applier.apply(bytes, start, end))
      const apply: ApplyMessage = (bytes, start, end) => (converter ?? applier).apply(bytes, start, end)
      const commit = new GroupCommit(
        writer,
        () => this.#follower.durable(),
        (error) => this.#failed.reject(error),
      )
      const health = new HealthCheck({
        control,
        writer,
        commit,
        token,
        source: start.source,
        gap: (reason) => say({ tag: 'gap', reason }),
      })
      // What somebody did to the publication while nobody looked is in the log before anything is closed.
      await health.check()
      for (;;) {
        const gears = { health, clock, writer, applier, apply, tail, commit, control, replication, slot }
        const isRoom = remedy.tag === 'none' && (await this.#catchUp(gears)) === 'near'
        await this.#follower.follow(gears, isRoom)
        if (signal.aborted) break
        // The stream was left for bulk pulls; this connection would not stream again.
        await replication.close()
        this.#connections.pop()
        replication = await this.#connect(true)
      }
      await Promise.all(this.#connections.map((connection) => connection.close()))
    } finally {
      for (const connection of this.#connections) connection.destroy()
      await writer.close()
    }
  }

  async #connect(replication: boolean): Promise<RawConnection> {
    const { source } = this.#options.start
    const connection = await openRawConnection({
      source,
      replication,
      applicationName,
      readBufferBytes: replication ? readBufferBytes : 64 * 1024,
    })
    this.#connections.push(connection)
    if (this.#options.signal.aborted) connection.destroy()
    if (replication && this.#isConverted) await connection.query(unconvertedSql)
    return connection
  }

  async #catchUp(gears: Gears): Promise<'near' | 'no room'> {
    const { head, say, settings } = this.#options
    const caughtUp = catchUp({
      ...gears,
      closedTargetMs: () => settings().closedTargetMs,
      sourceAt: (lsn) => {
        head.sourceLsn = lsn
      },
      pulling: () => say({ tag: 'state', state: { tag: 'pulling' } }),
    })
    return await Promise.race([caughtUp, this.#failed.promise])
  }
}
