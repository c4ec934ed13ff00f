// The life of ingest for one source: attempt after attempt, each from the log's own durable end. An attempt repairs the
// log, compares it with the slot, catches up in bulk when far behind, and streams until something fails.

import { applyRetention } from '../changelog/files/retention.ts'
import { LogHead } from '../changelog/files/log-head.ts'
import { LogWriter } from '../changelog/files/log-writer.ts'
import { recoverLog } from '../changelog/files/recover.ts'
import { nextHlc } from '../core/hlc.ts'
import { formatLsn, parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError, toWireError } from '../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import { MessageApplier } from './apply-message.ts'
import { bulkPull } from './bulk-pull.ts'
import { ClockProbe } from './clock-probe.ts'
import { GroupCommit } from './group-commit.ts'
import { checkHealth, restorePublication } from './health.ts'
import type { FromIngest, IngestStart, ToIngest } from './ingest.ts'
import { installedSql, installSql, markInstalledSql } from './install-sql.ts'
import { prepareSource } from './prepare-source.ts'
import { SerialQueries } from './serial-queries.ts'
import { SlotStream } from './stream.ts'

/** Beyond this much WAL, pulling in bulk is worth its start-up. */
const farBehindBytes = 32n * 1024n * 1024n
const bulkMessages = 400_000
const readBufferBytes = 2 * 1024 * 1024
const backoffMs = { first: 100, most: 5000 }
const keepAliveEveryMs = 10_000
const healthEveryMs = 5000
const retentionEveryMs = 10_000
/** Without feeds nobody waits for closed timestamps; the log's end must still move on. */
const idleProbeMs = 5000
const fastestProbeMs = 20

export class Ingest {
  readonly #start: IngestStart
  readonly #say: (message: FromIngest) => void
  readonly #head: LogHead
  #settings: IngestStart['settings']
  #feeds = 0
  readonly #stopped = Promise.withResolvers<void>()
  #isStopping = false
  /** Of the attempt that streams now. */
  #probeNow: ((exact: boolean) => void) | undefined
  #closeWanted = false
  #rearm: (() => void) | undefined

  constructor(start: IngestStart, say: (message: FromIngest) => void) {
    this.#start = start
    this.#say = say
    this.#head = new LogHead(start.head)
    this.#settings = start.settings
  }

  hear(message: ToIngest): void {
    switch (message.tag) {
      case 'settings':
        this.#settings = message.settings
        this.#rearm?.()
        return
      case 'demand':
        this.#feeds = message.feeds
        this.#rearm?.()
        return
      case 'close-now':
        if (this.#probeNow === undefined) this.#closeWanted = true
        else this.#probeNow(true)
        return
      case 'stop':
        this.#isStopping = true
        this.#stopped.resolve()
        return
    }
  }

  /** Settles after 'stop', or when only a human can help. */
  async run(): Promise<void> {
    const retention = setInterval(() => this.#retain(), retentionEveryMs)
    let waitMs = backoffMs.first
    while (!this.#isStopping) {
      const startedAt = Date.now()
      try {
        await this.#attempt()
      } catch (error) {
        if (this.#isStopping) break
        const wire = toWireError(error)
        if (error instanceof FeedError && !error.retry) {
          this.#say({ tag: 'state', state: { tag: 'failed', error: wire } })
          break
        }
        if (Date.now() - startedAt > 2 * backoffMs.most) waitMs = backoffMs.first
        this.#say({ tag: 'state', state: { tag: 'retrying', error: wire, inMs: waitMs } })
        await Promise.race([this.#stopped.promise, new Promise((resolve) => setTimeout(resolve, waitMs))])
        waitMs = Math.min(waitMs * 2, backoffMs.most)
      }
    }
    clearInterval(retention)
    this.#say({ tag: 'stopped' })
  }

  async #attempt(): Promise<void> {
    this.#say({ tag: 'state', state: { tag: 'connecting' } })
    const { dir, source } = this.#start
    const connections: RawConnection[] = []
    const failed = Promise.withResolvers<never>()
    failed.promise.catch(() => undefined)
    // Always through recovery: what an earlier attempt began and did not finish is cut off.
    const writer = new LogWriter({ dir, head: this.#head, recovered: recoverLog(dir) })
    try {
      const ordinary = await openRawConnection({ source, applicationName: 'pg-changefeed ingest' })
      connections.push(ordinary)
      const control = new SerialQueries(ordinary)
      if ((await control.query(installedSql))[0]?.[0] !== 't') {
        await control.query(installSql)
        await control.query(markInstalledSql)
      }
      const replication = await openRawConnection({ source, replication: true, readBufferBytes, applicationName: 'pg-changefeed ingest' })
      connections.push(replication)
      const prepared = await prepareSource(dir, control, replication, writer)
      if (prepared.gap !== undefined) this.#say({ tag: 'gap', reason: prepared.gap })
      this.#say({ tag: 'ready' })
      await this.#follow({ writer, control, replication, prefix: prepared.prefix, slot: prepared.slot, failed })
    } finally {
      this.#probeNow = undefined
      this.#rearm = undefined
      for (const connection of connections) connection.destroy()
      await writer.close()
    }
  }

  async #follow(attempt: Attempt): Promise<void> {
    const { writer, control, replication, failed } = attempt
    const applier = new MessageApplier(writer, attempt.prefix)
    let stream: SlotStream | undefined
    const commit = new GroupCommit(writer, () => stream?.durable(), (error) => failed.reject(error))
    await this.#catchUp(attempt, applier, commit)

    const probe = new ClockProbe(control)
    stream = new SlotStream({
      connection: replication,
      slot: attempt.slot,
      overTcp: this.#start.source.socketDir === undefined,
      writer,
      applier,
      commit,
      probe,
      closedTargetMs: () => this.#settings.closedTargetMs,
      sourceLsn: () => this.#head.sourceLsn,
    })
    const running = await stream.start()
    this.#say({ tag: 'state', state: { tag: 'streaming' } })
    const started = stream
    const ask = (exact: boolean): void => {
      probe.ask(exact).then(
        (lsn) => {
          if (lsn !== undefined) this.#head.sourceLsn = lsn
          started.probed()
        },
        (error: unknown) => failed.reject(error),
      )
    }
    this.#probeNow = ask
    if (this.#closeWanted) ask(true)
    this.#closeWanted = false
    const timers = [setInterval(() => started.confirm(), keepAliveEveryMs)]
    timers.push(setInterval(() => this.#checkHealth(attempt, applier, commit), healthEveryMs))
    let probing: NodeJS.Timeout | undefined
    this.#rearm = () => {
      clearInterval(probing)
      const everyMs = this.#feeds === 0 ? idleProbeMs : Math.max(fastestProbeMs, this.#settings.closedTargetMs)
      probing = setInterval(() => ask(false), everyMs)
    }
    this.#rearm()
    try {
      await Promise.race([running.ended, failed.promise, this.#stopped.promise])
      // Stopped: what has arrived becomes durable, and the slot hears of it.
      await commit.drain()
      started.confirm()
    } finally {
      for (const timer of timers) clearInterval(timer)
      clearInterval(probing)
      started.stop()
    }
  }

  /** Pulls in bulk until the slot's head is near. */
  async #catchUp({ writer, control, replication, slot }: Attempt, applier: MessageApplier, commit: GroupCommit): Promise<void> {
    while (!this.#isStopping) {
      const behind = (await this.#flushLsn(control)) - writer.endLsn
      if (behind < farBehindBytes) return
      this.#say({ tag: 'state', state: { tag: 'pulling' } })
      const messages = await bulkPull({
        connection: replication,
        slot,
        maxMessages: bulkMessages,
        message: (bytes, start, end) => applier.apply(bytes, start, end),
        chunkDone: () => commit.written(),
      })
      await commit.drain()
      await this.#advance(control, slot, writer.durableEndLsn)
      if (messages < bulkMessages) return
    }
  }

  /** Never beyond what is durable here. */
  async #advance(control: SerialQueries, slot: string, durable: Lsn): Promise<void> {
    await control.query(
      `SELECT pg_replication_slot_advance('${slot}', '${formatLsn(durable)}') FROM pg_replication_slots WHERE slot_name = '${slot}' AND confirmed_flush_lsn < '${formatLsn(durable)}'`,
    )
  }

  async #flushLsn(control: SerialQueries): Promise<Lsn> {
    const [row] = await control.query('SELECT pg_current_wal_flush_lsn()::text')
    const lsn = parseLsn(row?.[0] ?? '')
    this.#head.sourceLsn = lsn
    return lsn
  }

  #checkHealth(attempt: Attempt, applier: MessageApplier, commit: GroupCommit): void {
    const { control, writer, failed } = attempt
    const check = async (): Promise<void> => {
      const { gap, lostRelids } = await checkHealth(control)
      if (gap === undefined || applier.inTransaction) return
      this.#say({ tag: 'gap', reason: gap })
      writer.gap(nextHlc(writer.lastTimestamp), writer.endLsn, gap)
      await commit.drain()
      await restorePublication(control, this.#start.source, lostRelids)
    }
    check().catch((error: unknown) => failed.reject(error))
  }

  #retain(): void {
    const { retentionMs, maxLogBytes } = this.#settings
    const maxBytes = maxLogBytes === 0 ? Number.POSITIVE_INFINITY : maxLogBytes
    try {
      applyRetention(this.#start.dir, this.#head, Date.now(), { retentionMs, maxBytes, pins: [] })
    } catch (error) {
      const wire = toWireError(new FeedError('FEED_LOG_IO', `cannot remove old segments: ${(error as Error).message}`))
      this.#say({ tag: 'state', state: { tag: 'retrying', error: wire, inMs: retentionEveryMs } })
    }
  }
}

interface Attempt {
  readonly writer: LogWriter
  readonly control: SerialQueries
  readonly replication: RawConnection
  /** Prefix of our logical messages. */
  readonly prefix: string
  readonly slot: string
  readonly failed: PromiseWithResolvers<never>
}
