import { lackOfSlots } from '../../postgres/slot-room.ts'
import { slotName } from '../../source-schema/names.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

export const slots: ServerCheck = {
  id: 'slots',
  about: 'Two replication slots are free, or one if ours exists: an initial scan needs a temporary one for a moment.',
  judge({ server, room, provider }) {
    const wanted = server.slots.some(({ name }) => name === slotName(server.databaseOid)) ? 1 : 2
    const lack = lackOfSlots(room, wanted, provider)
    if (lack !== undefined) return failure(lack.what, lack.remedy)
    return ok(`${room.usedSlots} of max_replication_slots = ${room.maxSlots} are in use`)
  },
}
