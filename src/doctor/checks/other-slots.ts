import { shownString } from '../../core/quote.ts'
import { slotName } from '../../source-schema/names.ts'
import { listText, sizeText } from '../amounts.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

/** A slot that nobody reads now may be read again in a moment. */
const muchBytes = 64 * 1024 * 1024

export const otherSlots: ServerCheck = {
  id: 'other_slots',
  about: 'No other slot that nobody reads keeps much WAL: it fills the same disk.',
  judge({ server: { slots, databaseOid } }) {
    const ours = slotName(databaseOid)
    const idle = slots.filter(
      ({ name, isActive, retainedBytes }) => name !== ours && !isActive && (retainedBytes ?? 0) >= muchBytes,
    )
    const others = slots.filter(({ name }) => name !== ours).length
    if (idle.length === 0)
      return ok(others === 0 ? 'there are no other slots' : `${others} other slots keep little WAL, or are read`)
    const texts = idle.map(({ name, retainedBytes }) => `${name} keeps ${sizeText(retainedBytes ?? 0)}`)
    return warning(
      `slots that nobody reads keep WAL: ${listText(texts)}`,
      `if nobody needs it any more: SELECT pg_drop_replication_slot(${shownString(idle[0]?.name ?? '')})`,
    )
  },
}
