import { ok, type ServerCheck } from '../finding.ts'

export const ddl: ServerCheck = {
  id: 'ddl',
  about: 'Which commands of the application end a changefeed, or make it read a table again.',
  judge({ mode }) {
    const how =
      mode === 'installed'
        ? 'seen by event triggers, in the transaction of the command'
        : 'found by reading the catalogue; where that cannot be exact the changefeed ends with an error that says so'
    return ok(
      `DROP and TRUNCATE of a table end its changefeeds; ADD COLUMN with a default, DROP COLUMN and a new type read its rows again (schema_change_policy); ${how}`,
    )
  },
}
