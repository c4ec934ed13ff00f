// SHOW JOB(S) WHEN COMPLETE where the databases have no view of jobs: waits here until the jobs have ended, and then sends their rows.
// The wait ends with its client.

import { setTimeout as delay } from 'node:timers/promises'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { jobColumns, shown, shownColumns } from '../../jobs/job-columns.ts'
import { jobsRelation, type SeenJob, type SeenJobs } from '../../jobs/seen-jobs.ts'
import type { LocalCall, LocalStatement } from '../../pg-server/local-statement.ts'
import type { ShowJobs } from '../../sql/ast.ts'
import { dataRow } from '../../wire/backend-writer.ts'
import { binaryValue } from '../../wire/binary-value.ts'
import { typeOids } from '../../wire/type-oids.ts'
import type { ServerParts } from '../server-parts.ts'
import { idParameterTypes, idsOf } from './control-jobs.ts'
import { currentReader } from './current-user.ts'
import { checkJobsThere } from './show-jobs.ts'

const everyMs = 250
const sizes = { int8: 8, text: -1, timestamp: 8, float4: 4, numeric: -1 } as const
const columns = shownColumns.map(({ name, type }) => ({ name, typeOid: typeOids[type], typeSize: sizes[type] }))
const places = shownColumns.map((column) => jobColumns.indexOf(column))
const placeOf = (name: string): number => jobColumns.findIndex((column) => column.name === name)
const idAt = placeOf('job_id')
const finishedAt = placeOf('finished')

/** Returns undefined for the other forms of SHOW JOBS, and where PostgreSQL itself waits. */
export function showCompleteJobs(statement: ShowJobs, context: ServerParts, sql: string): LocalStatement | undefined {
  const { ids, whenComplete } = statement
  const { seenJobs } = context
  if (!whenComplete || ids === undefined || seenJobs === undefined) return undefined
  return {
    parameterTypes: idParameterTypes(ids),
    columns,
    mayBeLeft: true,
    async run(call) {
      const { session, signal } = call
      const asked = new Set(await idsOf(ids, call, context))
      await checkJobsThere(statement, session.queryBackend, context.rights)
      const reader = await currentReader(session.queryBackend)
      const seen = async (): Promise<readonly SeenJob[]> =>
        (await seenJobs.of(reader.user)).filter((job) => asked.has(job[idAt] ?? ''))
      await call.occupy(sql)
      await untilComplete(
        seenJobs,
        (await seen()).map((job) => job[idAt] ?? ''),
        signal,
      )
      const rows = (await seen()).toSorted((a, b) => ((a[finishedAt] ?? '') < (b[finishedAt] ?? '') ? -1 : 1))
      await call.accepted()
      if (rows.length > 0) await call.sendRows(await rowMessages(rows, call, reader.isPlain))
      return `SELECT ${rows.length}`
    },
  }
}

async function untilComplete(jobs: SeenJobs, ids: readonly string[], signal: AbortSignal): Promise<void> {
  while (await jobs.areUnfinished(ids)) await delay(everyMs, undefined, { signal })
}

/** The session prints the values of text columns, so that its settings count. */
async function rowMessages(
  jobs: readonly SeenJob[],
  { session, resultFormats }: LocalCall,
  isPlain: boolean,
): Promise<Buffer> {
  const printed = await session.queryBackend(`SELECT ${shown} FROM ${jobsRelation(jobs, isPlain)}`)
  const out = new ByteWriter()
  for (const [i, job] of jobs.entries()) {
    const values = columns.map(({ typeOid }, column) => {
      const text = printed[i]?.[column] ?? null
      if (text === null || resultFormats[column] !== 1) return text
      const exact = typeOid === typeOids.text ? text : (job[places[column] as number] ?? '')
      return binaryValue(typeOid, exact)
    })
    dataRow(out, values)
  }
  return Buffer.from(out.buffer.subarray(0, out.length))
}
