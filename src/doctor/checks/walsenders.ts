import { lackOfWalsenders } from '../../postgres/slot-room.ts'
import { slotName } from '../../source-schema/names.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

export const walsenders: ServerCheck = {
  id: 'wal_senders',
  about: 'Two WAL senders are free, or one if ours runs: one for the stream, and one for a moment at an initial scan.',
  judge({ server, room, provider, tries: { reading } }) {
    const ours = slotName(server.databaseOid)
    const isRunning = server.slots.some(({ name, isActive }) => name === ours && isActive)
    // Where our role gets none, PostgreSQL says so only if one is free.
    const wanted = isRunning || reading.tag === 'functions' ? 1 : 2
    const lack = lackOfWalsenders(room, wanted, provider)
    if (lack !== undefined) return failure(lack.what, lack.remedy)
    return ok(`${room.usedWalsenders} of max_wal_senders = ${room.maxWalsenders} are in use`)
  },
}
