import { FeedError } from '../../errors/feed-error.ts'
import { identityChanges, type IdentityChange } from '../../plan/identity.ts'
import { countText, listText, sizeText } from '../amounts.ts'
import { failure, ok, warning, type Judgement, type TableCheck } from '../finding.ts'
import type { HeapFact, TableFacts } from '../facts/read-tables.ts'
import { heapsOf, tableName } from '../heaps.ts'

const identities = { d: 'DEFAULT', n: 'NOTHING', f: 'FULL', i: 'USING INDEX' } as const
const leastBytesPerDay = 1024 * 1024

export const identity: TableCheck = {
  id: 'identity',
  about: 'UPDATEs and DELETEs log enough of the old row: REPLICA IDENTITY FULL where values are stored out of line.',
  judge(table, { mode, diff }) {
    if (table.target.primaryKey.length === 0) return undefined
    let changes: readonly IdentityChange[]
    try {
      changes = identityChanges(table.target, diff)
    } catch (error) {
      if (!(error instanceof FeedError)) throw error
      return failure(error.message, error.hint)
    }
    if (changes.length === 0) return ok(enough(table, mode === 'prepared'))
    const wrong = [table, ...table.leaves].filter(({ relid }) => changes.some((change) => change.relid === relid))
    const statements = changes.map(({ sql }) => sql).join('; ')
    const [first = table] = wrong
    const what = `${reason(first, table, diff)}${wrong.length > 1 ? ` (${countText(wrong.length, 'table')})` : ''}`
    if (mode === 'prepared') return failure(`${what}: REPLICA IDENTITY FULL is needed`, statements)
    return mayChange(
      wrong,
      `${what}, so a changefeed sets REPLICA IDENTITY FULL: each UPDATE and DELETE then logs the whole old row${cost(table)}`,
      statements,
    )
  },
}

/** In a prepared database nobody alters the table when a new column makes that necessary, and its changefeeds end. */
function enough(table: TableFacts, isPrepared: boolean): string {
  const now = heapsOf(table)[0]?.identity ?? table.identity
  const text = `REPLICA IDENTITY ${identities[now]} is enough`
  if (!isPrepared || now === 'f') return text
  return `${text}, until a column of a type such as text or jsonb is added: its changefeeds then end, unless ALTER TABLE ${tableName(table)} REPLICA IDENTITY FULL was run before`
}

function mayChange(wrong: readonly HeapFact[], what: string, statements: string): Judgement {
  const notOurs = wrong.find(({ isOwner }) => !isOwner)
  if (notOurs === undefined) return warning(what, `nothing; or, at a quiet time: ${statements}`)
  return failure(`${what}; our role does not own ${tableName(notOurs)}`, `its owner runs: ${statements}`)
}

function reason(heap: HeapFact, { columns }: TableFacts, diff: boolean): string {
  if (heap.identity === 'n') return 'REPLICA IDENTITY NOTHING logs no key of a changed row'
  if (heap.deferrableKey) return 'the primary key is deferrable, and cannot be the replica identity'
  if (heap.outOfLine) {
    const names = columns
      .filter(({ isOutOfLine, generated }) => isOutOfLine && generated !== 'v')
      .map(({ name }) => name)
    return `values of ${listText(names)} may be stored out of line, and an UPDATE does not log those that it leaves as they are`
  }
  if (heap.identity === 'i') return 'REPLICA IDENTITY USING INDEX may log other columns than the key'
  return diff ? 'diff needs the old row' : 'the old row is needed'
}

function cost(table: TableFacts): string {
  const changes = heapsOf(table).reduce((sum, { changesPerDay }) => sum + changesPerDay, 0)
  const rows = heapsOf(table).reduce((sum, heap) => sum + Math.max(0, heap.rows), 0)
  const bytes = rows === 0 ? 0 : (changes * (table.sample?.bytes ?? 0)) / rows
  return bytes < leastBytesPerDay ? '' : `, about ${sizeText(bytes)} more WAL a day`
}
