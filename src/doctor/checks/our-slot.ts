import { shownString } from '../../core/quote.ts'
import { slotName } from '../../source-schema/names.ts'
import { sizeText } from '../amounts.ts'
import { failure, ok, warning, type ServerCheck } from '../finding.ts'

export const ourSlot: ServerCheck = {
  id: 'our_slot',
  about: 'The slot with our name is ours, and nobody else reads it.',
  judge({ server: { slots, databaseOid, database }, isServed }) {
    const ours = slotName(databaseOid)
    const slot = slots.find(({ name }) => name === ours)
    if (slot === undefined) return ok(`slot ${ours} does not exist yet`)
    const drop = `SELECT pg_drop_replication_slot(${shownString(ours)})`
    if (slot.type !== 'logical' || slot.plugin !== 'pgoutput' || slot.database !== database) {
      const of = slot.type === 'logical' ? `plugin ${slot.plugin} in database ${slot.database}` : 'physical replication'
      return failure(`slot ${ours} belongs to somebody else: it is for ${of}`, `if nobody needs it any more: ${drop}`)
    }
    if (slot.walStatus === 'lost' || slot.invalidation !== null)
      return failure(
        `slot ${ours} was invalidated (${slot.invalidation ?? 'its WAL was removed'}): changes are lost`,
        'start the server: it makes a new slot, and its changefeeds end with what is missing',
      )
    const keeps = `keeps ${sizeText(slot.retainedBytes ?? 0)} of WAL`
    if (slot.isActive && !isServed)
      return warning(
        `slot ${ours} is read by process ${slot.activePid}, perhaps another server of ours, and ${keeps}`,
        'run only one server on a database',
      )
    if (slot.walStatus === 'unreserved')
      return warning(`slot ${ours} ${keeps}, and will be invalidated at the next checkpoint`, 'start its server now')
    return ok(`slot ${ours} exists, is ${slot.isActive ? 'read' : 'not read now'} and ${keeps}`)
  },
}
