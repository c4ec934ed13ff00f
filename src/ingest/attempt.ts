// One attempt at following a source, from the log's durable end until something fails or ingest stops. It opens the log,
// compares it with the slot, and reads by bulk pulls while it is far behind, by the stream otherwise.

import type { OpenedWriter } from '../changelog/changelog.ts'
import type { Queries } from '../postgres/queries.ts'
import { noteTimeline } from '../postgres/known-timelines.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { toWireError } from '../errors/feed-error.ts'
import { serverText } from '../postgres/server-text.ts'
import { lackOfFunctions, readsByFunctions } from '../postgres/slot-access.ts'
import { checkSlotRoom, explainSlotError } from '../postgres/slot-room.ts'
import { readySource } from '../source-schema/source-mode.ts'
import { MessageApplier, type ApplyMessage } from './apply-message.ts'
import { catchUp, type CaughtUp } from './catch-up.ts'
import { askClock, SourceClock } from './clock-probe.ts'
import { MessageConverter } from './convert-message.ts'
import { SlotFollower, type FollowerOptions } from './follow-slot.ts'
import type { AttemptParts } from './attempt-parts.ts'
import { GroupCommit } from './group-commit.ts'
import { HistoryCheck } from './history-check.ts'
import { keeperOf } from './keeper-of.ts'
import { passOver } from './pass-over.ts'
import { prepareSource } from './prepare-source.ts'
import { recordGone } from './prepared/publication-gone.ts'
import { publicationLost, publicationLostSql, type Remedy } from './remedy.ts'
import { PromotionWatch } from './promotion-watch.ts'
import { readIdentity } from './source-identity.ts'
import { SchemaReadings } from './readings/schema-readings.ts'
import { SlotWatch } from './slot-watch.ts'
import { SourceConnections } from './source-connections.ts'
import type { Health } from './source-keeper.ts'

/** Longer than anything of ours holds a lock on one of our tables. */
const controlLockWait = `'30s'`

export interface AttemptOptions extends Omit<FollowerOptions, 'failed' | 'fail' | 'replace'> {
  /** How this attempt treats the failure of earlier ones. */
  readonly remedy: Remedy
  /** Called with what stands in the server's log once. */
  readonly notice: (why: string) => void
  /** Called when the remedy has been applied. */
  readonly remedied: () => void
}

export class Attempt {
  readonly #options: AttemptOptions
  /** Rejects when something other than the stream fails: the disk, the control connection. */
  readonly #failed = Promise.withResolvers<never>()
  readonly #connections: SourceConnections
  readonly #follower: SlotFollower
  #history: HistoryCheck | undefined
  #health: Health | undefined
  #readings: SchemaReadings | undefined

  constructor(options: AttemptOptions) {
    this.#options = options
    this.#failed.promise.catch(() => undefined)
    this.#connections = new SourceConnections(options.source, options.signal)
    this.#follower = new SlotFollower({
      ...options,
      failed: this.#failed.promise,
      fail: this.#failed.reject,
      replace: (connection) => this.#connections.replace(connection),
    })
  }

  get wasStreaming(): boolean {
    return this.#follower.wasStreaming
  }

  /** To be called when settings or the number of feeds have changed, by which timestamps are closed more or less often. */
  rearm(): void {
    this.#follower.rearm()
  }

  /** Checks the health of the source now, for somebody who waits for what that finds. */
  checkNow(): void {
    const health = this.#health
    if (health === undefined) return
    const looked = this.#readings?.look() ?? Promise.resolve()
    looked.then(() => health.check()).catch(this.#failed.reject)
  }

  /** Why the source is not the one that the log was written from. */
  get difference(): string | undefined {
    return this.#history?.difference
  }

  /** Settles after a stop; rejects with what made the attempt fail. */
  async run(): Promise<void> {
    const { log, say, signal, remedy } = this.#options
    const connections = this.#connections
    say({ tag: 'state', state: { tag: 'connecting' } })
    // The log is opened anew by each attempt, which cuts off what an earlier attempt began and did not finish.
    const opened = log.openWriter()
    using _givingUp = connections.cancelOnAbort(() => this.#follower.isStreaming)
    try {
      let parts = await this.#prepare(opened)
      using _watching = new SlotWatch({
        control: parts.control,
        slot: parts.slot,
        say: (reading) => say({ tag: 'slot', reading }),
      })
      using _promotions = new PromotionWatch({ ...parts, source: this.#options.source, fail: this.#failed.reject })
      // Whatever happened to the publication while ingest was away is in the log before the first closed timestamp.
      await parts.health.check()
      for (;;) {
        const { isRoom, replication } =
          remedy.tag === 'none' ? await this.#catchUp(parts) : { isRoom: false, replication: parts.replication }
        parts = { ...parts, replication }
        await this.#follower.follow(parts, isRoom)
        if (signal.aborted) break
        // The stream was left for bulk pulls.
        parts = { ...parts, replication: await connections.replace(parts.replication) }
      }
      await connections.close()
    } finally {
      this.#readings?.stop()
      connections.destroy()
      await opened.writer.close()
    }
  }

  /** Brings source, slot and log together, and reports that they are ready. */
  async #prepare({ writer, damage, last }: OpenedWriter): Promise<AttemptParts> {
    const { log, say, source, remedy, remedied } = this.#options
    const connections = this.#connections
    const { systemIdentifier = '', timeline } = readIdentity(log) ?? {}
    // A primary of before that time is none any more.
    if (timeline !== undefined) noteTimeline(source, { systemIdentifier, timeline })
    const control = await this.#connections.openControl()
    // A role that may write all tables could lock ours. Ingest then fails with an error, where it would wait without end.
    await control.query(`SET lock_timeout = ${controlLockWait}`)
    const [lost] = await control.query(publicationLostSql)
    const isNew = writer.endLsn === 0n
    const mode = await readySource(control, source).catch(async (error: unknown) => {
      const reason = await recordGone({ log, writer }, error)
      if (reason !== undefined) say({ tag: 'gap', reason })
      throw error
    })
    const keeper = keeperOf(mode, { log, source, isNew })
    const isLost = lost?.[0] === 'true' || (await keeper.isPublicationAnew(control))
    const text = await serverText(control)
    this.#connections.isConverted = text !== undefined
    // What the role may not do is found here.
    const replication = await this.#openReplication(control)
    if (keeper.mode === 'prepared') this.#readings = new SchemaReadings(await this.#connections.openControl())
    await this.#readings?.begin()
    const { functions } = this.#connections
    const usesFunctions = functions !== undefined
    if (functions !== undefined) this.#options.notice(readsByFunctions(source.user, functions))
    const { token, slot, gap, confirmed } = await prepareSource({
      log,
      control,
      replication,
      writer,
      keeper,
      usesFunctions,
      ownPids: connections.pids,
      last,
      damage,
      isOwnServer: source.isOwnServer === true,
      copy: remedy.tag === 'copy' ? remedy.reason : undefined,
      waiting: (why) => say({ tag: 'waiting', why }),
    })
    if (gap !== undefined) say({ tag: 'gap', reason: gap })
    if (remedy.tag === 'copy') remedied()
    let from = confirmed
    const passes = remedy.tag === 'pass-over' ? remedy.error : isLost ? publicationLost() : undefined
    if (passes !== undefined && confirmed !== undefined) {
      say({ tag: 'gap', reason: await passOver({ control, replication, writer, slot, keeper, error: passes }) })
      from = undefined
      remedied()
    }
    say({ tag: 'ready' })
    const clock = new SourceClock()
    await askClock(control, clock, false)
    const history = new HistoryCheck(from === undefined ? { tag: 'none' } : last, writer.endLsn, from ?? writer.endLsn)
    this.#history = history
    const applier = new MessageApplier({ writer, history, clock, warn: (why) => say({ tag: 'warning', why }) })
    const converter = text && new MessageConverter(text, (bytes, start, end) => applier.apply(bytes, start, end))
    const apply: ApplyMessage = (bytes, start, end) => (converter ?? applier).apply(bytes, start, end)
    const commit = new GroupCommit(
      writer,
      () => this.#follower.durable(),
      (error) => this.#failed.reject(error),
    )
    const health = keeper.health({
      control,
      writer,
      commit,
      token,
      gap: (reason) => say({ tag: 'gap', reason }),
    })
    this.#health = health
    const gate = this.#readings?.gate({
      writer,
      history,
      commit,
      applier,
      text,
      gap: (reason) => say({ tag: 'gap', reason }),
      ask: () => this.#follower.ask(),
      held: (error) => say({ tag: 'state', state: { tag: 'held', error: toWireError(error) } }),
      released: () => say({ tag: 'state', state: { tag: 'streaming' } }),
      failed: this.#failed.reject,
    })
    return { health, clock, writer, applier, apply, gate, history, commit, control, replication, usesFunctions, slot }
  }

  /** What makes a slot impossible is found before PostgreSQL refuses it, with the statement to run. */
  async #openReplication(control: Queries): Promise<RawConnection> {
    await checkSlotRoom(control)
    const connections = this.#connections
    let connection: RawConnection
    try {
      connection = await connections.openReplication(control)
    } catch (error) {
      throw await explainSlotError(error, control)
    }
    const lack = connections.functions && lackOfFunctions(this.#options.source.user, connections.functions)
    if (lack !== undefined) throw lack
    return connection
  }

  async #catchUp(parts: AttemptParts): Promise<CaughtUp> {
    const { log, say, settings } = this.#options
    const caughtUp = catchUp({
      ...parts,
      closedTargetMs: () => settings().closedTargetMs,
      sourceAt: (lsn) => log.sourceAt(lsn),
      pulling: () => say({ tag: 'state', state: { tag: 'pulling' } }),
      forPulls: {
        open: () => this.#connections.openForPulls(),
        close: (connection) => this.#connections.closeOne(connection),
      },
      replace: (replication) => this.#connections.replace(replication),
    })
    return await Promise.race([caughtUp, this.#failed.promise])
  }
}
