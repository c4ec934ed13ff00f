// CREATE CHANGEFEED without INTO: the feed runs on the client's connection until it ends or the client is gone.

import type { LocalStatement, ResultColumn } from '../pg-server/local-statement.ts'
import { waitHint } from '../postgres/explain-wait.ts'
import type { CreateChangefeed } from '../sql/ast.ts'
import { countPlaceholders } from '../sql/sql.ts'
import { typeOids } from '../wire/type-oids.ts'
import { shownStatement } from './shown-statement.ts'
import { planChangefeed, watchPlanned } from './plan-changefeed.ts'
import { troubleNotices } from './trouble-notices.ts'
import type { DeskOptions } from './desk-options.ts'

const columns: readonly ResultColumn[] = [
  { name: 'table', typeOid: typeOids.text, typeSize: -1 },
  { name: 'key', typeOid: typeOids.bytea, typeSize: -1 },
  { name: 'value', typeOid: typeOids.bytea, typeSize: -1 },
]

/** `sql`: the statement as typed. */
export function runChangefeed(statement: CreateChangefeed, desk: DeskOptions, sql: string): LocalStatement {
  return {
    parameterTypes: Array.from({ length: countPlaceholders(statement) }, () => typeOids.text),
    columns,
    mayBeLeft: true,
    async run(call) {
      const plan = await planChangefeed(statement, desk, call)
      await call.occupy(shownStatement(sql))
      const { source, startPosition, startTime, free } = await watchPlanned(plan, desk, call)
      source.ingest.demand(1)
      const unheard = source.ingest.trouble.listen(
        troubleNotices(plan.spec.database, (message, hint) => call.notice('NOTICE', message, hint)),
      )
      const { database, targets } = plan.spec
      const lost = new AbortController()
      const unwatched = desk.watchedRights.watch({ database, user: plan.user, targets, hasSink: false }, (error) =>
        lost.abort(error),
      )
      try {
        // Not before: what a notice announces and then is refused was not true.
        for (const { severity, message, hint } of plan.notices) call.notice(severity, message, hint)
        await call.accepted()
        await desk.feeds.run(
          {
            spec: plan.spec,
            logDir: source.dir,
            logHead: source.head.shared,
            source: source.connection,
            startPosition,
            startTime,
          },
          {
            rows: (messages) => call.sendRows(messages),
            closeNow: () => source.ingest.closeNow(),
            waiting: (why) => call.notice('NOTICE', `changefeed is ${why}`, waitHint),
          },
          AbortSignal.any([call.signal, lost.signal]),
        )
      } finally {
        unwatched()
        unheard()
        source.ingest.demand(-1)
        free()
      }
      return 'CHANGEFEED'
    },
  }
}
