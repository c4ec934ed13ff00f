import { shownName } from '../../core/quote.ts'
import { ok, type ServerCheck } from '../finding.ts'

export const mode: ServerCheck = {
  id: 'mode',
  about: 'Which of the two ways to read the database would be used, and what would be created in it.',
  judge({ mode: found, server: { role, schemaIsOurs }, tries: { eventTriggers } }) {
    if (found === 'installed')
      return ok(
        schemaIsOurs
          ? 'installed: schema changefeed, event triggers and publication pg_changefeed are there'
          : 'installed: schema changefeed, event triggers, publication pg_changefeed and a slot would be created',
      )
    const why = eventTriggers ? '' : ` (role ${shownName(role)} may not create event triggers)`
    return ok(`prepared${why}: nothing would be created but the slot, and a DBA prepares publication and identities`)
  },
}
