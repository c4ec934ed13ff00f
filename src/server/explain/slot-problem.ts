// Says that a slot is about to be lost, for /health.

import type { SlotNow } from '../../ingest/slot-gauge.ts'

const soonSeconds = 3600

const hint =
  'changes are lost then, and changefeeds need a new initial scan: find out why the changelog falls behind (SHOW JOBS, the log of the server), or raise max_slot_wal_keep_size and SELECT pg_reload_conf()'

/** Undefined: the slot lasts. */
export function slotProblem(slot: SlotNow | undefined): { readonly error: string; readonly hint: string } | undefined {
  if (slot === undefined) return undefined
  const keeps = `replication slot "${slot.slot}" keeps ${Math.round(slot.retainedBytes / 1024 / 1024)} MiB of write-ahead log`
  const when = slot.ageMs < 15_000 ? '' : ` (read ${Math.round(slot.ageMs / 1000)} s ago)`
  if (slot.walStatus === 'unreserved')
    return { error: `${keeps}, and PostgreSQL may remove that at its next checkpoint${when}`, hint }
  if (slot.secondsLeft === undefined || slot.secondsLeft >= soonSeconds) return undefined
  return {
    error: `${keeps}, and at the present rate is lost in ${Math.round(slot.secondsLeft / 60)} minutes${when}`,
    hint,
  }
}
