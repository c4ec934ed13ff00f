import { commandName, shellWord } from '../../core/command-line.ts'
import { shownName } from '../../core/quote.ts'
import { publication as name } from '../../source-schema/names.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

const setupSql = (database: string, role: string, tables: readonly string[]): string =>
  `a superuser runs what this prints, which also gives the rights and sets the replica identities: ${commandName()} setup-sql ${shellWord(`--database=${database}`)} ${shellWord(`--role=${role}`)} ${tables.length === 0 ? '--tables=...' : shellWord(`--tables=${tables.join(',')}`)}`

export const publication: ServerCheck = {
  id: 'publication',
  about: `Publication ${name} is ours or can be created, or a DBA has prepared it and it publishes everything.`,
  judge({ mode, server: { publications, role, database }, tables }) {
    const found = publications.find((one) => one.name === name)
    if (mode === 'installed') {
      if (found === undefined) return ok(`publication ${name} would be created`)
      if (found.isOurs) return ok(`publication ${name} is ours`)
      return failure(
        `publication ${name} belongs to ${shownName(found.owner)}, and is not of pg-changefeed`,
        `if nobody needs it any more: DROP PUBLICATION ${name}`,
      )
    }
    if (found === undefined)
      return failure(
        `publication ${name} does not exist`,
        setupSql(
          database,
          role,
          tables.map((table) => `${shownName(table.schema)}.${shownName(table.name)}`),
        ),
      )
    const lacks = (['insert', 'update', 'delete', 'truncate'] as const).filter((what) => !found[what])
    if (lacks.length > 0)
      return failure(
        `publication ${name} does not publish ${lacks.join(', ')}`,
        `ALTER PUBLICATION ${name} SET (publish = 'insert, update, delete, truncate')`,
      )
    if (found.viaRoot && tables.some(({ kind }) => kind === 'p'))
      return failure(
        `publication ${name} publishes partitions as their root: a TRUNCATE of a single partition would not be sent`,
        `ALTER PUBLICATION ${name} SET (publish_via_partition_root = false)`,
      )
    return ok(`publication ${name} of ${shownName(found.owner)} is there`)
  },
}
