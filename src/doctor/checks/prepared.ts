import { shownName, shownString } from '../../core/quote.ts'
import { countText, durationText, listText } from '../amounts.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

export const prepared: ServerCheck = {
  id: 'prepared_transactions',
  about: 'No transaction is prepared (two-phase commit) and left: a slot cannot be created before it ends.',
  judge({ server: { prepared: found, database } }) {
    const [first] = found
    if (first === undefined) return ok('no transaction is prepared')
    const texts = found.map(
      ({ gid, owner, database: where, ageSeconds }) =>
        `${shownString(gid)} of role ${shownName(owner)} in database ${shownName(where)}, for ${durationText(ageSeconds)}`,
    )
    const where = first.database === database ? '' : ` in database ${shownName(first.database)}`
    return warning(
      `${countText(found.length, 'transaction is', 'transactions are')} prepared: ${listText(texts)}`,
      `COMMIT PREPARED ${shownString(first.gid)}, or ROLLBACK PREPARED ${shownString(first.gid)}${where}`,
    )
  },
}
