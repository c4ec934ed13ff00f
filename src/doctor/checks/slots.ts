import { slotName } from '../../source-schema/names.ts'
import { numberOf } from '../amounts.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

export const slots: ServerCheck = {
  id: 'slots',
  about: 'A replication slot is free, or ours exists already.',
  judge({ server, provider }) {
    const most = numberOf(server, 'max_replication_slots') ?? 0
    const used = server.slots.length
    const ours = slotName(server.databaseOid)
    const what = `${used} of max_replication_slots = ${most} are in use`
    if (used < most || server.slots.some(({ name }) => name === ours)) return ok(what)
    const idle = server.slots.find(({ isActive }) => !isActive)
    const drop =
      idle === undefined
        ? ''
        : `; or, if nobody needs it any more: SELECT pg_drop_replication_slot('${idle.name.replaceAll("'", "''")}')`
    return failure(
      `no replication slot is free: ${what}`,
      `${provider.setting('max_replication_slots', String(most + 4))}, then restart PostgreSQL${drop}`,
    )
  },
}
