// CREATE CHANGEFEED without INTO runs a feed on the client's connection, until the feed ends or the client is gone.

import type { LocalStatement, ResultColumn } from '../../pg-server/local-statement.ts'
import { hintOfWait } from '../../postgres/explain-wait.ts'
import type { CreateChangefeed } from '../../sql/ast.ts'
import { countPlaceholders } from '../../sql/sql.ts'
import { typeOids } from '../../wire/type-oids.ts'
import { shownStatement } from './shown-statement.ts'
import { planChangefeed, watchPlanned } from './plan-changefeed.ts'
import { dialRegistry } from '../feeds/dial-far-ends.ts'
import { startFeed } from '../feeds/start-feed.ts'
import { troubleNotices } from '../explain/trouble-notices.ts'
import type { ServerParts } from '../server-parts.ts'

const columns: readonly ResultColumn[] = [
  { name: 'table', typeOid: typeOids.text, typeSize: -1 },
  { name: 'key', typeOid: typeOids.bytea, typeSize: -1 },
  { name: 'value', typeOid: typeOids.bytea, typeSize: -1 },
]

/** `sql` is the statement as typed. */
export function runChangefeed(statement: CreateChangefeed, context: ServerParts, sql: string): LocalStatement {
  return {
    parameterTypes: Array.from({ length: countPlaceholders(statement) }, () => typeOids.text),
    columns,
    mayBeLeft: true,
    async run(call) {
      const plan = await planChangefeed(statement, context, call)
      await call.occupy(shownStatement(sql))
      await dialRegistry(plan.spec, context.settings, call.signal)
      const { source, startPosition, startTime, notices, free } = await watchPlanned(plan, context, call)
      const { database, targets } = plan.spec
      try {
        await startFeed({
          feeds: context.feeds,
          rights: context.watchedRights,
          source,
          needed: { database, user: plan.user, targets, hasSink: false },
          trouble: troubleNotices(database, (message, hint) => call.notice('NOTICE', message, hint)),
          begins: async () => {
            // The notices come last: a notice about a statement that is then refused would be wrong.
            for (const message of notices) call.notice('NOTICE', message)
            await call.accepted()
          },
          start: { spec: plan.spec, startPosition, startTime },
          handlers: {
            rows: (messages) => call.sendRows(messages),
            waiting: (why) => call.notice('NOTICE', `changefeed is ${why}`, hintOfWait(why)),
            registryWaits: (why) => {
              if (why !== undefined) call.notice('NOTICE', `changefeed is ${why}`)
            },
          },
          signal: call.signal,
        })
      } finally {
        free()
      }
      return 'CHANGEFEED'
    },
  }
}
