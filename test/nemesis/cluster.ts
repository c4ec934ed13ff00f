// A PostgreSQL of somebody with a standby that may be promoted, at one connection string: each server is behind a gate of its
// own, whose port stays the same. A former primary may come back at its place as it was, which nobody prevents, or be
// replaced by a new standby.

import { setTimeout as delay } from 'node:timers/promises'
import { CutGate } from '../support/cut-gate.ts'
import { PostgresServerUnderTest, type PostgresServerOptions } from '../support/postgres-server.ts'
import { within } from '../support/until.ts'

/** `synchronized`: PostgreSQL sends changes to us only when the standby has them (synchronized_standby_slots). */
export type Keeping = 'synchronized' | 'asynchronous'

/** What the old primary does when the standby is promoted: `lag` is a crash after the standby was away for a while. */
export type Leaving = 'shut down' | 'crash' | 'lag' | 'stay'

const withinMs = 90_000
const failoverSlots = 17

interface Place {
  readonly gate: CutGate
  server: PostgresServerUnderTest
}

export class Cluster implements AsyncDisposable {
  readonly keeping: Keeping | undefined
  readonly #places: Place[]
  #primary: PostgresServerUnderTest
  #standby: PostgresServerUnderTest | undefined
  #former: { readonly server: PostgresServerUnderTest; isRunning: boolean } | undefined
  #standbys = 0
  /** How often a standby was promoted. */
  promotions = 0

  private constructor(primary: Place, keeping: Keeping | undefined) {
    this.#places = [primary]
    this.#primary = primary.server
    this.keeping = keeping
  }

  /** Without `keeping` it has no standby. */
  static async start(options: PostgresServerOptions, keeping?: Keeping): Promise<Cluster> {
    const server = await PostgresServerUnderTest.start(options)
    const cluster = new Cluster({ server, gate: await CutGate.open(server.port) }, keeping)
    try {
      if (keeping !== undefined) {
        const standby = await cluster.#newStandby()
        cluster.#places.push({ server: standby, gate: await CutGate.open(standby.port) })
      }
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
    return cluster
  }

  /** The server that applications write to. */
  get primary(): PostgresServerUnderTest {
    return this.#primary
  }

  /** A former primary that runs, and believes that it still is one. */
  get stray(): PostgresServerUnderTest | undefined {
    return this.#former?.isRunning === true ? this.#former.server : undefined
  }

  /** A former primary does not run, and may come back. */
  get isFormerAway(): boolean {
    return this.#former?.isRunning === false
  }

  get hasStandby(): boolean {
    return this.#standby !== undefined
  }

  /** What a user writes behind --postgres, without a password. */
  url(database: string, user: string, attrs: 'primary' | 'read-write'): string {
    const url = this.#primary.url(database, user).replace(/:[^:@/]*@/, '@')
    if (this.keeping === undefined) return url.replace(/@[^/]+/, `@${this.#hosts()}`)
    return `${url.replace(/@[^/]+/, `@${this.#hosts()}`)}&target_session_attrs=${attrs}`
  }

  cutAll(): void {
    for (const { gate } of this.#places) gate.cutAll()
  }

  /** Each of the next connections to the primary ends when it has said so many bytes. */
  cutNext(afterBytes: readonly number[]): void {
    this.#placeOf(this.#primary)?.gate.cutNext(afterBytes)
  }

  /** From here on everything passes, and the only primary is that of the applications. */
  async calm(): Promise<void> {
    for (const { gate } of this.#places) gate.calm()
    await this.stopStray()
  }

  get cut(): number {
    return this.#places.reduce((sum, { gate }) => sum + gate.cut, 0)
  }

  /** Makes a primary of the standby. A new one is made first if there is none. */
  async promote(leaving: Leaving, pauseMs: number): Promise<void> {
    await this.renew()
    const [former, standby] = [this.#primary, this.#standby]
    if (standby === undefined) throw new Error('there is no standby')
    if (this.keeping === 'synchronized') await this.#slotIsSynced(standby)
    if (leaving === 'lag') {
      await standby.stop('immediate')
      await delay(pauseMs)
    }
    if (leaving === 'shut down') await former.stop('fast')
    else if (leaving !== 'stay') await former.kill()
    if (leaving === 'lag') await standby.start()
    await standby.promote()
    this.#former = { server: former, isRunning: leaving === 'stay' }
    this.#primary = standby
    this.#standby = undefined
    this.promotions += 1
  }

  /** The former primary comes back at its old address. */
  async bringBack(): Promise<void> {
    const former = this.#former
    if (former === undefined || former.isRunning) return
    await former.server.startAfterKill()
    former.isRunning = true
  }

  async stopStray(): Promise<void> {
    if (this.#former?.isRunning !== true) return
    this.#former.isRunning = false
    await this.#former.server.stop('immediate')
  }

  async restartStandby(): Promise<void> {
    await this.#standby?.restart('immediate')
  }

  /** Replaces the former primary with a new standby if there is none. */
  async renew(): Promise<void> {
    if (this.#standby !== undefined) return
    const former = this.#former?.server
    const place = former && this.#placeOf(former)
    await former?.[Symbol.asyncDispose]()
    this.#former = undefined
    const server = await this.#newStandby()
    if (place !== undefined) {
      place.server = server
      place.gate.moveTo(server.port)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { gate, server } of this.#places) {
      await gate[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    }
  }

  async #newStandby(): Promise<PostgresServerUnderTest> {
    const slot = `standby${++this.#standbys}`
    const isNew = this.#primary.version >= failoverSlots
    const synced = { sync_replication_slots: 'on', synchronized_standby_slots: '' }
    // The primary is started anew for the copy, and has the setting from then on.
    if (this.keeping === 'synchronized') this.#primary.configure({ synchronized_standby_slots: slot })
    const standby = await this.#primary.standby(slot, isNew ? synced : {})
    this.#standby = standby
    await this.#primary.reached(standby)
    return standby
  }

  /** Waits until the standby has a slot that reading can continue from. */
  async #slotIsSynced(standby: PostgresServerUnderTest): Promise<void> {
    await within(withinMs, 'the standby has the slot', async () => {
      const rows = await standby.sql(
        `SELECT FROM pg_replication_slots WHERE slot_name LIKE 'pg_changefeed_%' AND synced AND NOT temporary AND invalidation_reason IS NULL`,
      )
      if (rows.length === 1) return true
      // Both happen by themselves, after up to half a minute.
      await this.#primary.sql('SELECT pg_log_standby_snapshot()')
      await standby.sql('SELECT pg_reload_conf()')
      await delay(100)
      return false
    })
  }

  #placeOf(server: PostgresServerUnderTest): Place | undefined {
    return this.#places.find((place) => place.server === server)
  }

  #hosts(): string {
    return this.#places.map(({ gate }) => `127.0.0.1:${gate.port}`).join(',')
  }
}
