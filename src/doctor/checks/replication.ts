import { lackOfFunctions, readsByFunctions } from '../../postgres/slot-access.ts'
import { lackOfReplication, lackOfWalsenders } from '../../postgres/slot-room.ts'
import { shownName } from '../../core/quote.ts'
import { failure, ok, warning, type ServerCheck } from '../finding.ts'

export const replication: ServerCheck = {
  id: 'replication',
  about:
    'Our role gets a connection for replication, or may at least use the SQL functions for slots. Found by trying.',
  judge({ server: { role }, room, tries: { reading }, provider }) {
    const name = shownName(role)
    switch (reading.tag) {
      case 'stream':
        return ok(`role ${name} gets a replication connection`)
      case 'unknown':
        if (lackOfWalsenders(room, 1, provider) !== undefined)
          return ok(`whether role ${name} gets a replication connection is not known while no WAL sender is free`)
        return failure(
          `role ${name} gets no replication connection now: ${reading.error.message}`,
          `end connections that nobody needs; or raise max_connections, or ALTER ROLE ${name} CONNECTION LIMIT -1`,
        )
      case 'functions': {
        const lack = lackOfFunctions(role, reading.functions)
        if (lack !== undefined) return failure(lack.message, lack.hint ?? '')
        return warning(readsByFunctions(role, reading.functions), provider.replication(role))
      }
      case 'refused': {
        const { what, remedy } = lackOfReplication(role, reading.error, provider)
        return failure(what, remedy)
      }
    }
  },
}
