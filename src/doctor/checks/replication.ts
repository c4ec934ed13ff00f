import { lackOfReplication } from '../../postgres/slot-room.ts'
import { shownName } from '../../core/quote.ts'
import { failure, ok, warning, type ServerCheck } from '../finding.ts'

export const replication: ServerCheck = {
  id: 'replication',
  about: 'Our role gets a replication connection, or at least may read a slot with SQL functions. Found by trying.',
  judge({ server: { role }, tries: { reading }, provider }) {
    const name = shownName(role)
    switch (reading.tag) {
      case 'stream':
        return ok(`role ${name} gets a replication connection`)
      case 'no walsender':
        return ok(`whether role ${name} gets a replication connection is not known while no WAL sender is free`)
      case 'functions': {
        const after = reading.role === undefined ? '' : ` after SET ROLE ${shownName(reading.role)}`
        return warning(
          `role ${name} gets no replication connection, and may read a slot with SQL functions only${after}: changes come in steps, and later`,
          provider.replication(role),
        )
      }
      case 'refused': {
        const { what, remedy } = lackOfReplication(role, reading.error, provider)
        return failure(what, remedy)
      }
    }
  },
}
