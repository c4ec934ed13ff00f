// Messages about trouble with a source, for clients, jobs and the health page.

import type { HealthProblem } from '../../http/http.ts'
import type { TroubleListener, TroubleNow } from '../../ingest/trouble.ts'
import type { JobRegistry } from '../../jobs/registry.ts'
import type { Backend } from '../../postgres/backend.ts'
import type { Sources } from '../sources/sources.ts'
import { slotProblem } from './slot-problem.ts'

/** At most so many reasons are reported: reasons that differ only in a number would never end. */
const mostReasons = 16

/** Reports each reason once, and when the trouble is over. After that a reason is reported again. */
export function troubleNotices(
  database: string,
  notice: (message: string, hint: string | undefined) => void,
): TroubleListener {
  const reported = new Set<string>()
  return (trouble) => {
    if (trouble === undefined) {
      if (reported.size > 0) notice(`changes of database "${database}" are read again`, undefined)
      reported.clear()
      return
    }
    const message = troubleText(database, trouble)
    if (reported.has(message) || reported.size >= mostReasons) return
    reported.add(message)
    notice(message, trouble.error.hint ?? meanwhile(trouble))
  }
}

/** Promises nothing: only when the slot is read again is it known whether the slot still holds all changes. */
function meanwhile({ isPermanent }: TroubleNow): string | undefined {
  return isPermanent ? undefined : 'it is being repaired: the changefeed goes on, or ends with what is missing'
}

function troubleText(database: string, { error, isPermanent }: TroubleNow): string {
  const how = isPermanent ? 'cannot be read any more' : 'cannot be read now'
  return `changes of database "${database}" ${how}: ${error.message}`
}

/** For SHOW JOBS: what to do comes after a semicolon, as in every running status. */
export function troubleStatus(database: string, trouble: TroubleNow): string {
  const { hint } = trouble.error
  return `${troubleText(database, trouble)}${hint === undefined ? '' : `; ${hint}`}`
}

/** Problems of PostgreSQL, which concern every database. */
export function postgresProblems({ problem }: Pick<Backend, 'problem'>): HealthProblem[] {
  return problem === undefined ? [] : [{ error: problem.message, hint: problem.hint }]
}

export function jobsProblems({ problem }: Pick<JobRegistry, 'problem'>): HealthProblem[] {
  return problem === undefined ? [] : [{ error: `the jobs cannot be read: ${problem}` }]
}

export function sourceProblems(sources: Pick<Sources, 'all'>): HealthProblem[] {
  return sources.all.flatMap(({ connection: { database }, ingest: { trouble, slot } }) => {
    const problems: HealthProblem[] = []
    if (trouble.now !== undefined) {
      const { message, hint } = trouble.now.error
      problems.push({ database, error: message, hint })
    }
    const ofSlot = slotProblem(slot.now)
    return ofSlot === undefined ? problems : [...problems, { database, ...ofSlot }]
  })
}
