// What happens to the WAL of a database while our server is down, in one sentence: it is said when something is installed, and
// by the doctor.

import type { Queries } from '../postgres/queries.ts'
import { numberOf, sizeText } from './amounts.ts'
import type { ServerFacts } from './facts/read-server.ts'
import { expectedRate, type WalRate } from './facts/wal-rate.ts'

const mebibyte = 1024 * 1024
const daySeconds = 86_400

interface AwayFacts {
  readonly settings: ServerFacts['settings']
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
  return `while our server is down, PostgreSQL keeps all WAL that the slot still needs${day}, ${end}`
}

/** The sentence for a server that is connected to. */
export async function readWalWhileAway(connection: Queries): Promise<string> {
  const [row] = await connection.query(
    `SELECT setting, unit, context, source, pending_restart FROM pg_settings WHERE name = 'max_slot_wal_keep_size'`,
  )
  const [value = '-1'] = row ?? []
  const setting = { value: value ?? '-1', unit: 'MB', context: '', source: '', pendingRestart: false }
  return walWhileAway({ settings: { max_slot_wal_keep_size: setting }, rate: undefined })
}
