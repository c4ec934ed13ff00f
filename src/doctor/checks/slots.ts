import { lackOfSlots } from '../../postgres/slot-room.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

export const slots: ServerCheck = {
  id: 'slots',
  about:
    'Two replication slots are free, or one if ours exists: an initial scan needs a temporary one for a moment, unless changes are read by SQL functions.',
  judge({ room, provider, tries: { reading } }) {
    const wanted = (room.hasOurs ? 0 : 1) + (reading.tag === 'functions' ? 0 : 1)
    const lack = lackOfSlots(room, wanted, provider)
    if (lack !== undefined) return failure(lack.what, lack.remedy)
    return ok(`${room.usedSlots} of max_replication_slots = ${room.maxSlots} are in use`)
  },
}
