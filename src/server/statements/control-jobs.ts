// PAUSE, RESUME and CANCEL JOB(S), for users who may control the jobs (jobs/rights-sql.ts).

import type { LocalCall, LocalStatement } from '../../pg-server/local-statement.ts'
import { textOf } from '../../plan/read-options.ts'
import type { ControlJobs, JobIds, Value } from '../../sql/ast.ts'
import { typeOids } from '../../wire/type-oids.ts'
import { currentUser } from './current-user.ts'
import type { ServerParts } from '../server-parts.ts'
import { checkId } from './job-id.ts'
import { selectIds, selectParameterTypes } from './select-ids.ts'

export function controlJobs({ verb, ids }: ControlJobs, context: ServerParts): LocalStatement {
  return {
    parameterTypes: idParameterTypes(ids),
    async run(call) {
      const given = [...new Set(await idsOf(ids, call, context))]
      const user = await currentUser(call.session.queryBackend)
      const word = verb.toUpperCase()
      await context.jobs.request(given, verb, user)
      if (call.session.transactionStatus === 'T') {
        call.notice('WARNING', `${word} JOB takes effect at once: a ROLLBACK will not undo it`)
      }
      return `${word} JOBS ${given.length}`
    },
  }
}

/** Returns the ids that a statement names. */
export async function idsOf(ids: JobIds, call: LocalCall, context: ServerParts): Promise<string[]> {
  if (ids.tag === 'values') {
    return ids.values.map((value) => checkId(textOf(value, call.parameters), value.position + 1))
  }
  const found = await selectIds(ids.sql, call, { context, what: 'the ids of jobs' })
  return found.map((text) => checkId(text, undefined))
}

/** Returns the types of the placeholders among the ids. */
export function idParameterTypes(ids: JobIds): number[] {
  return ids.tag === 'select' ? selectParameterTypes(ids.sql) : placeholderTypes(ids.values)
}

function placeholderTypes(values: readonly Value[]): number[] {
  const most = values.reduce((n, value) => (value.tag === 'placeholder' ? Math.max(n, value.index) : n), 0)
  return Array.from({ length: most }, () => typeOids.int8)
}
