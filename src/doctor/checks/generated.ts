import { listText } from '../amounts.ts'
import { ok, type TableCheck } from '../finding.ts'

/** From here on publications can contain stored generated columns. */
const publishesStored = 180_000

export const generated: TableCheck = {
  id: 'generated_columns',
  about: 'Which generated columns no message has: virtual ones, and stored ones before PostgreSQL 18.',
  judge({ columns }, { server: { version } }) {
    const missing = columns.filter(
      (column) => column.generated === 'v' || (column.generated === 's' && version < publishesStored),
    )
    if (missing.length === 0) return ok('every column is in the messages')
    return ok(
      `not in the messages, because PostgreSQL does not log them: ${listText(
        missing.map(({ name }) => name),
        20,
      )}`,
    )
  },
}
