import { durationText, numberOf } from '../amounts.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

export const idleSlots: ServerCheck = {
  id: 'idle_slots',
  about:
    'PostgreSQL does not invalidate the slot because our server was away for a while (idle_replication_slot_timeout, PostgreSQL 18).',
  judge({ server, provider }) {
    const seconds = numberOf(server, 'idle_replication_slot_timeout')
    if (seconds === undefined) return undefined
    if (seconds === 0) return ok('idle_replication_slot_timeout is off')
    return warning(
      `idle_replication_slot_timeout is ${durationText(seconds)}: a slot that nobody reads for so long is invalidated, and its changes are lost`,
      provider.setting('idle_replication_slot_timeout', '0', 'reload'),
    )
  },
}
