import { shownName } from '../../core/quote.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

export const schema: ServerCheck = {
  id: 'schema',
  about: 'A schema changefeed, if there is one, is ours: nothing of somebody else is taken over.',
  judge({ mode, server: { schemaOwner, schemaIsOurs } }) {
    if (schemaOwner === null)
      return ok(mode === 'installed' ? 'schema changefeed would be created' : 'no schema of ours is needed')
    if (schemaIsOurs) return ok('schema changefeed is ours')
    const whose = `schema changefeed belongs to ${shownName(schemaOwner)}, and is not of pg-changefeed`
    if (mode === 'prepared') return ok(`${whose}: it is left alone`)
    return failure(
      whose,
      'ALTER SCHEMA changefeed RENAME TO another_name; or DROP SCHEMA changefeed CASCADE, if nobody needs it any more; or use --no-install',
    )
  },
}
