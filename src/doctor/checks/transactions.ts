import { shownName } from '../../core/quote.ts'
import { countText, durationText, listText } from '../amounts.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

export const transactions: ServerCheck = {
  id: 'transactions',
  about:
    'No transaction has been open for more than a minute: the creation of a slot waits for those that have written, in all databases, and WAL is kept for them.',
  judge({ server: { transactions: open, seesOthers, role }, longSeconds }) {
    const long = open.filter(({ ageSeconds }) => ageSeconds !== null && ageSeconds >= longSeconds)
    if (long.length > 0) {
      const texts = long.map(
        ({ pid, user, database, ageSeconds, hasWritten }) =>
          `process ${pid} of role ${shownName(user ?? '')} in database ${shownName(database ?? '')}, open for ${durationText(ageSeconds ?? 0)}${hasWritten ? ', has written' : ''}`,
      )
      return warning(
        `${countText(long.length, 'transaction is', 'transactions are')} open for long: ${listText(texts)}`,
        `end it, or: SELECT pg_terminate_backend(${long[0]?.pid})`,
      )
    }
    const unseen = open.filter(({ ageSeconds }) => ageSeconds === null).length
    const hidden = seesOthers
      ? ''
      : `; when transactions of other roles began is not visible to role ${shownName(role)} (GRANT pg_read_all_stats TO ${shownName(role)} shows it)${unseen > 0 ? `, ${countText(unseen, 'of them has', 'of them have')} written` : ''}`
    return ok(`no transaction is known to be open for more than ${longSeconds} s${hidden}`)
  },
}
