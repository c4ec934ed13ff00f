// What happens to the WAL of a database while our server is down, in one sentence: it is said when something is installed, and
// by the doctor.

import type { Queries } from '../postgres/queries.ts'
import { durationText, numberOf, sizeText, type Settings } from './amounts.ts'
import { expectedRate, type WalRate } from './facts/wal-rate.ts'

const mebibyte = 1024 * 1024
const daySeconds = 86_400

interface AwayFacts {
  readonly settings: Settings
  /** Undefined: it was not measured. */
  readonly rate: WalRate | undefined
}

export function walWhileAway({ settings, rate }: AwayFacts): string {
  const keep = numberOf({ settings }, 'max_slot_wal_keep_size') ?? -1
  const end =
    keep < 0
      ? 'until its disk is full (max_slot_wal_keep_size is without limit)'
      : `up to max_slot_wal_keep_size = ${sizeText(keep * mebibyte)}, after which the changes are lost and changefeeds need a new initial scan`
  const perDay = rate === undefined ? 0 : expectedRate(rate) * daySeconds
  const day = perDay < mebibyte ? '' : `, about ${sizeText(perDay)} a day at the present rate`
  const idle = numberOf({ settings }, 'idle_replication_slot_timeout') ?? 0
  const idleEnd =
    idle === 0
      ? ''
      : `; it also gives up a slot that nobody has read for ${durationText(idle)} (idle_replication_slot_timeout)`
  return `while our server is down, PostgreSQL keeps all WAL that the slot still needs${day}, ${end}${idleEnd}`
}

/** The sentence for a server that is connected to. */
export async function readWalWhileAway(connection: Queries): Promise<string> {
  const rows = await connection.query(
    `SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('max_slot_wal_keep_size', 'idle_replication_slot_timeout')`,
  )
  const settings = Object.fromEntries(rows.map(([name, value]) => [name ?? '', { value: value ?? '' }]))
  return walWhileAway({ settings, rate: undefined })
}
