import { slotName } from '../../source-schema/names.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

export const failover: ServerCheck = {
  id: 'failover',
  about:
    'After a promotion of a standby the slot is there, as far as the server can do that (PostgreSQL 17 and later).',
  judge({ server: { version, isInRecovery, settings, slots, databaseOid }, provider }) {
    if (isInRecovery) return undefined
    const synchronized = settings['synchronized_standby_slots']?.value ?? ''
    const physical = slots.filter(({ type }) => type === 'physical').map(({ name }) => name)
    if (physical.length === 0 && synchronized === '') return ok('no standby has a slot on this server')
    if (version < 170_000)
      return warning(
        'there are standbys, and PostgreSQL before version 17 does not copy slots to them: after a promotion the slot is gone, and changefeeds need a new initial scan',
        'upgrade to PostgreSQL 17 or later',
      )
    if (synchronized === '')
      return warning(
        `there are standbys (slots ${physical.join(', ')}), and synchronized_standby_slots is empty: changes may be read that a promoted standby does not have`,
        `${provider.setting('synchronized_standby_slots', physical.join(', '), 'reload')}; and on each standby sync_replication_slots = on, hot_standby_feedback = on, primary_slot_name, and dbname in primary_conninfo`,
      )
    const names = synchronized.split(',').map((name) => name.trim().replaceAll('"', ''))
    const away = names.filter((name) => !slots.some((slot) => slot.name === name && slot.isActive))
    if (away.length > 0)
      return warning(
        `synchronized_standby_slots names ${away.join(', ')}, and no standby uses that slot now: PostgreSQL sends no changes until one does`,
        `start the standby; or take its slot out: ${provider.setting('synchronized_standby_slots', names.filter((name) => !away.includes(name)).join(', '), 'reload')}`,
      )
    const ours = slots.find(({ name }) => name === slotName(databaseOid))
    const state = ours?.isFailover === false ? '; our slot is not a failover slot yet' : ''
    return ok(`synchronized_standby_slots is ${synchronized}${state}`)
  },
}
