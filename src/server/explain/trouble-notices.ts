// What is wrong with the reading of a source, in words for whoever follows it.

import type { HealthProblem } from '../../http/http.ts'
import type { TroubleListener, TroubleNow } from '../../ingest/trouble.ts'
import type { Backend } from '../../postgres/backend.ts'
import type { Sources } from '../sources/sources.ts'

/** Reasons that differ in a number only would never end. */
const mostReasons = 16

/** Says each reason once, and when it is over; a reason that comes back behind that is said again. */
export function troubleNotices(
  database: string,
  notice: (message: string, hint: string | undefined) => void,
): TroubleListener {
  const told = new Set<string>()
  return (trouble) => {
    if (trouble === undefined) {
      if (told.size > 0) notice(`changes of database "${database}" are read again`, undefined)
      told.clear()
      return
    }
    const message = troubleText(database, trouble)
    if (told.has(message) || told.size >= mostReasons) return
    told.add(message)
    notice(message, trouble.error.hint ?? meanwhile(trouble))
  }
}

/** Whether the slot still holds what was written meanwhile is known only when it is read again: nothing is promised before. */
function meanwhile({ isPermanent }: TroubleNow): string | undefined {
  return isPermanent ? undefined : 'it is being repaired: the changefeed goes on, or ends with what is missing'
}

export function troubleText(database: string, { error, isPermanent }: TroubleNow): string {
  const how = isPermanent ? 'cannot be read any more' : 'cannot be read now'
  return `changes of database "${database}" ${how}: ${error.message}`
}

/** What hinders every database. */
export function postgresProblems({ problem }: Pick<Backend, 'problem'>): HealthProblem[] {
  return problem === undefined ? [] : [{ error: problem.message, hint: problem.hint }]
}

export function sourceProblems(sources: Sources): HealthProblem[] {
  return sources.all.flatMap(({ connection: { database }, ingest: { trouble } }) => {
    if (trouble.now === undefined) return []
    const { message, hint } = trouble.now.error
    return [{ database, error: message, hint }]
  })
}
