// CREATE CHANGEFEED … INTO creates a job from the plan. The statement ends when the job has started.

import { earlierHlc } from '../../core/hlc.ts'
import type { JobProgress } from '../../core/job-progress.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { LocalCall, LocalStatement } from '../../pg-server/local-statement.ts'
import { enumText } from '../../plan/option-values.ts'
import { describeJob } from '../../plan/job-description.ts'
import type { CreateChangefeed } from '../../sql/ast.ts'
import { countPlaceholders } from '../../sql/sql.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { dataRow } from '../../wire/backend-writer.ts'
import { typeOids } from '../../wire/type-oids.ts'
import { dialFarEnds } from '../feeds/dial-far-ends.ts'
import { planChangefeed, watchPlanned, type FeedOrigin, type PlannedChangefeed } from './plan-changefeed.ts'
import { shownStatement } from './shown-statement.ts'
import { troubleNotices } from '../explain/trouble-notices.ts'
import type { ServerParts } from '../server-parts.ts'

/** `sql` is the statement as typed. */
export function createJob(statement: CreateChangefeed, context: ServerParts, sql: string): LocalStatement {
  return {
    parameterTypes: Array.from({ length: countPlaceholders(statement) }, () => typeOids.text),
    columns: [{ name: 'job_id', typeOid: typeOids.int8, typeSize: 8 }],
    async run(call) {
      const { session, parameters, resultFormats, signal } = call
      if (session.transactionStatus !== 'I') {
        throw new FeedError('FEED_STATE', 'CREATE CHANGEFEED … INTO cannot run inside a transaction block', {
          sqlstate: '25001',
          hint: 'COMMIT or ROLLBACK first, or connect with autocommit',
        })
      }
      const plan = await planChangefeed(statement, context, call)
      const { spec, opening } = plan
      // From here on the statement may wait: for the sink and the registry, for transactions, for the log.
      await call.occupy(shownStatement(sql))
      await context.work.begin(signal, () => dialFarEnds(spec, context, signal))
      const origin = await watchPlanned(plan, context, call)
      let id = ''
      try {
        id = await context.jobs.newId()
        await context.jobs.create({
          id,
          description: describeJob(statement, opening.read, parameters),
          user: plan.user,
          payload: {
            spec,
            onError: enumText(opening.read.given, 'on_error') === 'pause' ? 'pause' : 'fail',
          },
          progress: await firstProgress(id, plan, { origin, context, call }),
        })
      } catch (error) {
        await context.cuts.release(id)
        throw error
      } finally {
        // The stored job needs its tables by itself.
        origin.free()
      }
      // The notices come last: a notice about a statement that is then refused would be wrong.
      for (const message of origin.notices) call.notice('NOTICE', message)
      const value = resultFormats[0] === 1 ? binaryInt8(id) : Buffer.from(id)
      const row = new ByteWriter(64)
      dataRow(row, [value])
      await call.sendRows(row.view())
      return 'CREATE CHANGEFEED'
    },
  }
}

interface Start {
  readonly origin: FeedOrigin
  readonly context: ServerParts
  readonly call: LocalCall
}

/** Fixes the time of the scan before the statement returns: what commits later is a change. */
async function firstProgress(
  id: string,
  { spec }: PlannedChangefeed,
  { origin: { source, startPosition, startTime }, context, call }: Start,
): Promise<JobProgress> {
  if (spec.initialScan === 'no') return { tag: 'following', highWater: spec.cursor ?? startTime }
  const unheard = source.ingest.trouble.listen(
    troubleNotices(spec.database, (message, hint) => call.notice('NOTICE', message, hint)),
  )
  const time = await context.cuts
    .hold(id, {
      source,
      targets: spec.targets,
      startPosition,
      signal: call.signal,
      waiting: (why, hint) => call.notice('NOTICE', `changefeed is ${why}`, hint),
    })
    .finally(unheard)
  const at = spec.cursor === undefined ? time : earlierHlc(spec.cursor, time)
  return { tag: 'initial-scan', scan: { at, tables: [], fraction: 0 } }
}

function binaryInt8(text: string): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(text))
  return bytes
}
