// CREATE CHANGEFEED … INTO: the plan becomes a job, and the statement is done when the job has started.

import { FeedError } from '../errors/feed-error.ts'
import type { LocalStatement } from '../pg-server/local-statement.ts'
import { enumText } from '../plan/option-relations.ts'
import { describeJob } from '../plan/job-description.ts'
import type { CreateChangefeed } from '../sql/ast.ts'
import { countPlaceholders } from '../sql/sql.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { dataRow } from '../wire/backend-writer.ts'
import { dialSink } from './dial-sink.ts'
import { planChangefeed, watchPlanned } from './plan-changefeed.ts'
import { textOid } from './run-changefeed.ts'
import type { DeskOptions } from './statement-desk.ts'

export const int8Oid = 20

export function createJob(statement: CreateChangefeed, desk: DeskOptions): LocalStatement {
  return {
    parameterTypes: Array.from({ length: countPlaceholders(statement) }, () => textOid),
    columns: [{ name: 'job_id', typeOid: int8Oid, typeSize: 8 }],
    async run(call) {
      const { session, parameters, resultFormats, signal } = call
      if (session.transactionStatus !== 'I') {
        throw new FeedError('FEED_STATE', 'CREATE CHANGEFEED … INTO cannot run inside a transaction block', {
          sqlstate: '25001',
          hint: 'COMMIT or ROLLBACK first',
        })
      }
      const plan = await planChangefeed(statement, desk, call)
      const { spec, opening } = plan
      await dialSink(spec.sink, signal)
      signal.throwIfAborted()
      for (const { severity, message, hint } of plan.notices) call.notice(severity, message, hint)
      const { startTime } = await watchPlanned(plan, desk, call)
      const id = await desk.jobs.create({
        description: describeJob(statement, opening.read, parameters),
        user: plan.user,
        payload: {
          spec,
          onError: enumText(opening.read.given, 'on_error') === 'pause' ? 'pause' : 'fail',
        },
        progress: {
          highWater: spec.initialScan === 'no' ? (spec.cursor ?? startTime) : undefined,
          scan: undefined,
        },
      })
      const value = resultFormats[0] === 1 ? binaryInt8(id) : Buffer.from(id)
      const row = new ByteWriter(64)
      dataRow(row, [value])
      await call.sendRows(row.view())
      return 'CREATE CHANGEFEED'
    },
  }
}

function binaryInt8(text: string): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(text))
  return bytes
}
