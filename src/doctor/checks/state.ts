import { shownName } from '../../core/quote.ts'
import { stateSchema, strangerHint } from '../../postgres/attached/prepare-state.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

export const state: ServerCheck = {
  id: 'state',
  about: `Our jobs and settings have a place: schema ${stateSchema} exists, or our role may create it.`,
  judge({ state: found }) {
    if (found === undefined) return undefined
    const { database, role, hasSchema, mayUse, mayCreate } = found
    if (found.isInRecovery)
      return failure(
        `jobs and settings cannot be kept in database ${shownName(database)}: it is on a standby`,
        'name a database that can be written with --system-url',
      )
    const where = `schema ${stateSchema} in database ${shownName(database)}`
    if (found.stranger !== undefined)
      return failure(
        `${found.stranger.what} in database ${shownName(database)} belongs to role ${shownName(found.stranger.owner)}, so a server that logs in as ${shownName(role)} does not start`,
        strangerHint(found.stranger.owner),
      )
    if (hasSchema && mayUse) return ok(`jobs and settings are in ${where}`)
    if (!hasSchema && mayCreate) return ok(`jobs and settings: ${where} would be created`)
    const remedy = hasSchema
      ? `GRANT USAGE, CREATE ON SCHEMA ${stateSchema} TO ${shownName(role)}`
      : `CREATE SCHEMA ${stateSchema} AUTHORIZATION ${shownName(role)}; or name another database with --system-url`
    return failure(`role ${shownName(role)} may not ${hasSchema ? 'use' : 'create'} ${where}`, remedy)
  },
}
