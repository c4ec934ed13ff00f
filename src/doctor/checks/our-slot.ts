import { shownString } from '../../core/quote.ts'
import { slotInvalidation } from '../../postgres/slot-invalidation.ts'
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
        `slot ${ours} was invalidated (${slotInvalidation(slot.invalidation)}): changes are lost`,
        'start the server: it makes a new slot, and its changefeeds end with what is missing',
      )
    const keeps = `keeps ${sizeText(slot.retainedBytes ?? 0)} of WAL`
    if (isServed) return ok(`slot ${ours} is ours and ${keeps}`)
    if (slot.isActive)
      return warning(
        `slot ${ours} is read by process ${slot.activePid}: a server of ours runs on this database, and ${keeps}`,
        'run only one server on a database: another one stands by',
      )
    const soon = slot.walStatus === 'unreserved' ? ', and will be invalidated at the next checkpoint' : ''
    return warning(
      `slot ${ours} was made by a server of ours that does not run now, and ${keeps}${soon}`,
      `start the server with its store: no other one can continue; or, if that store is lost: ${drop}`,
    )
  },
}
