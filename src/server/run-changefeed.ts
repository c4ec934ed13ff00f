// CREATE CHANGEFEED without a job: plan, take the tables under watch, run the feed until it ends or the client is gone.

import { randomBytes } from 'node:crypto'
import type { ValueFormat } from '../core/feed-spec.ts'
import { compareHlc, formatHlc, type Hlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import { watchTables } from '../ingest/watch.ts'
import type { LocalCall, LocalStatement, ResultColumn } from '../pg-server/local-statement.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { resolveTargets, type CatalogueQuery } from '../plan/catalogue.ts'
import { closePlan, openPlan, type Plan } from '../plan/plan.ts'
import type { CreateChangefeed } from '../sql/ast.ts'
import { countPlaceholders } from '../sql/sql.ts'
import type { DeskOptions } from './statement-desk.ts'

const textOid = 25
const byteaOid = 17

const columns: readonly ResultColumn[] = [
  { name: 'table', typeOid: textOid, typeSize: -1 },
  { name: 'key', typeOid: byteaOid, typeSize: -1 },
  { name: 'value', typeOid: byteaOid, typeSize: -1 },
]

export function runChangefeed(statement: CreateChangefeed, desk: DeskOptions): LocalStatement {
  return {
    parameterTypes: Array.from({ length: countPlaceholders(statement) }, () => textOid),
    columns,
    async run(call) {
      const { sources, feeds } = desk
      const plan = await planFor(statement, desk, call)
      for (const { severity, message, hint } of plan.notices) call.notice(severity, message, hint)

      const { spec } = plan
      const source = await sources.ensure(spec.database)
      const identity = new Map(plan.identityChanges.map(({ relid, sql }) => [relid, sql]))
      const since = await watchTables(
        source.connection,
        spec.targets.map(({ relid }) => ({ relid, identitySql: identity.get(relid) })),
      )
      if (spec.cursor !== undefined) checkWatched(spec.cursor, since)
      // In this order: what commits after the time of the start lies behind the position.
      const startPosition = source.log.head
      const startTime = await sourceTime(call)
      source.ingest.demand(1)
      try {
        await feeds.run(
          {
            spec,
            logDir: source.dir,
            logHead: source.head.shared,
            source: source.connection,
            startPosition,
            startTime,
          },
          { rows: (messages) => call.sendRows(messages), closeNow: () => source.ingest.closeNow() },
          call.signal,
        )
      } finally {
        source.ingest.demand(-1)
      }
      return 'CHANGEFEED'
    },
  }
}

async function planFor(statement: CreateChangefeed, { settings, source }: DeskOptions, call: LocalCall): Promise<Plan> {
  const { session, parameters } = call
  const opening = openPlan(statement, {
    id: randomBytes(8).toString('hex'),
    parameters,
    now: await sourceTime(call),
    database: session.database,
    user: session.user,
    prerequisites: {
      featureEnabled: settings.get('feature.changefeed.enabled'),
      rangefeedEnabled: settings.get('kv.rangefeed.enabled'),
    },
    rowFormats: await rowFormats(call),
  })
  const queryIn = (database: string): CatalogueQuery => {
    if (database === session.database) return (sql) => session.queryBackend(sql)
    return async (sql) => {
      const connection = await openRawConnection({ source: { ...source, user: session.user, database } })
      try {
        return await connection.query(sql)
      } finally {
        await connection.close()
      }
    }
  }
  return closePlan(opening, await resolveTargets(statement.targets, session.database, queryIn))
}

/** How the client wants the three columns: binary as asked for, text as its bytea_output says. */
async function rowFormats({ session, resultFormats }: LocalCall): Promise<[ValueFormat, ValueFormat, ValueFormat]> {
  const rows = await session.queryBackend('SHOW bytea_output')
  const text: ValueFormat = rows[0]?.[0] === 'escape' ? 'escape' : 'hex'
  return [text, resultFormats[1] === 1 ? 'binary' : text, resultFormats[2] === 1 ? 'binary' : text]
}

async function sourceTime({ session }: LocalCall): Promise<Hlc> {
  const rows = await session.queryBackend('SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint')
  return { wall: BigInt(rows[0]?.[0] ?? '0') * 1000n, logical: 0 }
}

/** The log holds a table's changes only since it is watched. */
function checkWatched(cursor: Hlc, since: ReadonlyMap<number, Hlc | undefined>): void {
  for (const at of since.values()) {
    if (at === undefined || compareHlc(cursor, at) >= 0) continue
    throw new FeedError(
      'FEED_CURSOR_TOO_OLD',
      `could not create changefeed: cursor ${formatHlc(cursor)} is older than the GC threshold ${formatHlc(at)}`,
      { hint: 'use a more recent cursor', detail: 'the changes of a table are kept since its first changefeed' },
    )
  }
}
