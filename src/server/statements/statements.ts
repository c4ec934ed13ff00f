// Statements decides what becomes of each statement of a client. Statements of PostgreSQL are forwarded as typed, those of the
// dialect are rewritten, and ours become calls or SELECTs. The front asks for every query string, so the answer that there is
// nothing to do must be fast.
//
//   statement                                  file
//   CREATE CHANGEFEED [FOR] … INTO             create-job.ts       with plan-changefeed.ts
//   CREATE, EXPERIMENTAL CHANGEFEED FOR        run-changefeed.ts   with plan-changefeed.ts
//   EXPLAIN CHANGEFEED FOR                     explain-changefeed.ts  with plan-changefeed.ts
//   PAUSE, RESUME, CANCEL JOB                  control-jobs.ts
//   CANCEL QUERY                               cancel-queries.ts
//   SET, RESET CLUSTER SETTING                 set-cluster-setting.ts
//   GRANT, REVOKE CHANGEFEED ON TABLE          grant-changefeed.ts
//   UNWATCH                                    unwatch.ts
//   USE, RESET, DISCARD, DEALLOCATE            change-session.ts
//   SHOW …                                     show.ts             with show-jobs.ts, show-queries.ts, show-sql.ts
//   SHOW JOB(S) WHEN COMPLETE                  show-complete-jobs.ts, where there is no view of jobs
//   DROP, ALTER, CREATE DATABASE               drop-database.ts
//   ALTER EVENT TRIGGER                        alter-event-trigger.ts
//   what pg_dump asks                          dump-query.ts

import type { FeedError } from '../../errors/feed-error.ts'
import type {
  BackendQuery,
  LocalStatement,
  Piece,
  Refusal,
  SentText,
  StatementHandler,
} from '../../pg-server/local-statement.ts'
import type {
  AlterEventTrigger,
  DropDatabase,
  MoveDatabase,
  RoleOptions,
  ShowStatement,
  Statement,
} from '../../sql/ast.ts'
import { withIntSize } from '../../sql/dialect/int-size.ts'
import { applySplices, type Splice } from '../../sql/splices.ts'
import { readSql, type SqlPiece } from '../../sql/sql.ts'
import { typedPosition } from '../../sql/typed-position.ts'
import type { ReportFields } from '../../wire/report-fields.ts'
import { explainChangefeed } from './explain-changefeed.ts'
import { explainLoss, explainState } from '../explain/explain-loss.ts'
import { explainRefusal } from '../explain/explain-refusal.ts'
import { refuseAlterOfOurs } from './alter-event-trigger.ts'
import { cancelQueries } from './cancel-queries.ts'
import type { ServerParts } from '../server-parts.ts'
import { checkOurRoles } from './our-roles.ts'
import { controlJobs } from './control-jobs.ts'
import { createJob } from './create-job.ts'
import { disconnectForMove } from './drop-database.ts'
import { withoutOurs } from './dump-query.ts'
import { grantChangefeed } from './grant-changefeed.ts'
import { deallocate, resetSession, useDatabase } from './change-session.ts'
import { logMalformed, logRefusals } from './log-refusals.ts'
import { runChangefeed } from './run-changefeed.ts'
import { changeSetting } from './set-cluster-setting.ts'
import { checkJobsThere } from './show-jobs.ts'
import { showCompleteJobs } from './show-complete-jobs.ts'
import { showFor, showForAll } from './show.ts'
import { unwatch } from './unwatch.ts'

export class Statements implements StatementHandler {
  readonly #context: ServerParts

  constructor(context: ServerParts) {
    this.#context = context
  }

  classify(sql: string): readonly Piece[] | undefined {
    const { types, backend } = this.#context
    types.see(sql)
    const dump = backend.own === undefined ? undefined : withoutOurs(sql)
    if (dump !== undefined) return [{ tag: 'forward', sql: dump }]
    const pieces = readSql(sql, {
      dialect: backend.hasDialect,
      askTypes: types.mustAsk,
      show: (statement) => showForAll(statement, this.#context),
      showTo: (query, text) => showFor(query, this.#context, text),
    })
    return pieces?.map((piece) => this.#piece(sql, piece))
  }

  startup(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const { types, backend } = this.#context
    for (const name of parameters.keys()) types.see(name)
    types.see(parameters.get('options') ?? '')
    return backend.hasDialect ? withIntSize(parameters) : parameters
  }

  explain(refusal: Refusal): ReportFields | undefined {
    return (
      explainRefusal(refusal, this.#context.backend.own !== undefined) ?? explainState(refusal, this.#context.backend)
    )
  }

  explainLoss(error: FeedError): FeedError {
    return explainLoss(error, this.#context.backend)
  }

  /** `typed` is the whole text, to which positions in errors refer. */
  #piece(typed: string, piece: SqlPiece): Piece {
    const { start, end } = piece
    const positions =
      (splices: readonly Splice[]) =>
      (position: number): number =>
        typedPosition(typed, start, splices, position)
    if (piece.tag === 'error') return logMalformed(piece, this.#context.log)
    if (piece.tag === 'forward') return { tag: 'forward', sql: piece.sql, positions: positions(piece.splices) }
    if (piece.tag === 'rewrite') {
      const rewrite = async (query: BackendQuery): Promise<SentText> => {
        const splices = await piece.findSplices(query)
        return { sql: applySplices(typed, splices, start, end), positions: positions(splices) }
      }
      return { tag: 'rewrite', rewrite, sql: piece.sql, isAnew: piece.dependsOnUser }
    }
    const { statement, sql } = piece
    try {
      const ours = localStatement(statement, this.#context, sql)
      if (ours !== undefined) return { tag: 'local', statement: ours, sql }
      const check = checkBefore(statement, this.#context)
      if (check !== undefined) {
        const rewrite = async (query: BackendQuery): Promise<SentText> => {
          await check(query)
          return { sql, positions: positions([]) }
        }
        return { tag: 'rewrite', rewrite, sql }
      }
      return select(statement, this.#context, { sql, positions: () => typedPosition(typed, start, [], 1) })
    } catch (error) {
      return logMalformed({ tag: 'error', error: error as Error, sql }, this.#context.log)
    }
  }
}

type CheckedStatement = DropDatabase | MoveDatabase | AlterEventTrigger

/** Returns the statement if we run it; undefined: PostgreSQL runs it. */
function localStatement(statement: Statement, context: ServerParts, sql: string): LocalStatement | undefined {
  switch (statement.tag) {
    case 'create-changefeed': {
      const run = statement.sink === undefined ? runChangefeed : createJob
      return logRefusals(run(statement, context, sql), context.log, sql)
    }
    case 'explain-changefeed':
      return explainChangefeed(statement, context, sql)
    case 'control-jobs':
      return controlJobs(statement, context)
    case 'set-cluster-setting':
    case 'reset-cluster-setting':
      return changeSetting(statement, context)
    case 'cancel-queries':
      return cancelQueries(statement, context)
    case 'unwatch':
      return unwatch(statement, context)
    case 'grant-changefeed':
      return grantChangefeed(statement, context)
    case 'use-database':
      return useDatabase(statement)
    case 'reset-session':
      return resetSession(statement)
    case 'deallocate':
      return deallocate(statement)
    case 'show-jobs':
      return showCompleteJobs(statement, context, sql)
    default:
      statement satisfies ShowStatement | RoleOptions | CheckedStatement
      return undefined
  }
}

/** Returns a check that runs before PostgreSQL runs the statement as typed, and that may refuse the statement. */
function checkBefore(statement: Statement, context: ServerParts): ((query: BackendQuery) => Promise<void>) | undefined {
  switch (statement.tag) {
    case 'drop-database':
    case 'move-database':
      return (query) => disconnectForMove(statement.name, query, context)
    case 'alter-event-trigger':
      return (query) => refuseAlterOfOurs(statement, query)
    default:
      statement satisfies Exclude<Statement, CheckedStatement>
      return undefined
  }
}

/** Translates a statement that PostgreSQL answers with a SELECT, or with another text. `sent.sql` is the statement as typed. */
function select(statement: Statement, context: ServerParts, { sql, positions }: SentText): Piece {
  if (statement.tag === 'role-options') {
    const sent = { sql: statement.sql, positions }
    if (context.backend.own !== undefined) return { tag: 'forward', ...sent }
    return { tag: 'rewrite', rewrite: () => checkOurRoles(statement.roles, context.rights).then(() => sent), sql }
  }
  const shown = showForAll(statement, context)
  const checks = statement.tag === 'show-jobs' && statement.ids?.tag === 'values' ? statement : undefined
  if (shown !== undefined && checks === undefined) return { tag: 'forward', sql: shown, positions }
  const rewrite = async (query: BackendQuery): Promise<SentText> => {
    if (checks !== undefined) await checkJobsThere(checks, query, context.rights)
    return { sql: shown ?? (await showFor(query, context, sql))(statement), positions }
  }
  return { tag: 'rewrite', rewrite, sql, isAnew: shown === undefined }
}
