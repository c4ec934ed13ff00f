// Where each statement goes: PostgreSQL's are forwarded as typed, the dialect's are rewritten, ours become calls or
// SELECTs. The front asks for every query string, so the answer "nothing to do" must come fast.

import { FeedError } from '../../errors/feed-error.ts'
import { showAutomaticJobsSql } from '../../jobs/jobs-view.ts'
import type { Front } from '../../pg-server/front.ts'
import type { BackendQuery, Piece, Refusal, SentText, StatementHandler } from '../../pg-server/local-statement.ts'
import type { SettingName } from '../../settings/known-settings.ts'
import { isSecret, showSetting, showSettings, withoutSecrets, type SettingTexts } from '../../settings/show.ts'
import { findSetting } from '../../settings/settings.ts'
import type { Statement } from '../../sql/ast.ts'
import { withIntSize } from '../../sql/dialect/int-size.ts'
import { applySplices, type Splice } from '../../sql/splices.ts'
import { expandShows, readSql, type SqlPiece } from '../../sql/sql.ts'
import { typedPosition } from '../../sql/typed-position.ts'
import { checkJobsThere, controlJobs, showJobsStatementSql } from './control-jobs.ts'
import { createJob } from './create-job.ts'
import type { DeskOptions } from './context.ts'
import { readerOf, type Reader } from './reader.ts'
import { currentUser } from './catalogue-queries.ts'
import { refuseAlterOfOurs } from './alter-event-trigger.ts'
import { letGoOfDatabase } from './drop-database.ts'
import { withoutOurs } from './dump-query.ts'
import type { ReportFields } from '../../wire/report-fields.ts'
import { explainLoss, explainState } from '../explain/explain-loss.ts'
import { explainRefusal } from '../explain/explain-refusal.ts'
import { grantChangefeed } from './grant-changefeed.ts'
import { cancelQueries, showQueriesSql } from './cancel-queries.ts'
import { deallocate, resetSession } from './reset-session.ts'
import { runChangefeed } from './run-changefeed.ts'
import { showDatabaseSql, showDatabasesSql, showTablesSql, valuesSql } from './show-sql.ts'
import { changeSetting } from './set-cluster-setting.ts'
import { unwatch } from './unwatch.ts'
import { useDatabase } from './use-database.ts'

export class StatementDesk implements StatementHandler {
  readonly #options: DeskOptions
  /** Set as soon as the front listens; no statement comes before. */
  front: Front | undefined

  constructor(options: DeskOptions) {
    this.#options = options
  }

  classify(sql: string): readonly Piece[] | undefined {
    const { types } = this.#options
    types.see(sql)
    const dump = withoutOurs(sql)
    if (dump !== undefined) return [{ tag: 'forward', sql: dump }]
    const pieces = readSql(sql, {
      dialect: true,
      askTypes: types.mustAsk,
      show: (statement) => this.#showSql(statement, undefined),
      showTo: (query) => this.#showTo(query),
    })
    return pieces?.map((piece) => this.#piece(sql, piece))
  }

  startup(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    for (const name of parameters.keys()) this.#options.types.see(name)
    this.#options.types.see(parameters.get('options') ?? '')
    return withIntSize(parameters)
  }

  explain(refusal: Refusal): ReportFields | undefined {
    return explainRefusal(refusal) ?? explainState(refusal, this.#options.postgresFailure)
  }

  explainLoss(error: FeedError): FeedError {
    return explainLoss(error, this.#options.postgresFailure)
  }

  /** `typed`: the whole text, which positions in errors speak of. */
  #piece(typed: string, piece: SqlPiece): Piece {
    const { start, end } = piece
    const place =
      (splices: readonly Splice[]) =>
      (position: number): number =>
        typedPosition(typed, start, splices, position)
    if (piece.tag === 'error') return piece
    if (piece.tag === 'forward') return { tag: 'forward', sql: piece.sql, place: place(piece.splices) }
    if (piece.tag === 'rewrite') {
      const rewrite = async (query: BackendQuery): Promise<SentText> => {
        const splices = await piece.findSplices(query)
        return { sql: applySplices(typed, splices, start, end), place: place(splices) }
      }
      return { tag: 'rewrite', rewrite, sql: piece.sql }
    }
    const { statement, sql } = piece
    try {
      switch (statement.tag) {
        case 'create-changefeed':
          return {
            tag: 'local',
            statement:
              statement.sink === undefined
                ? runChangefeed(statement, this.#options, sql)
                : createJob(statement, this.#options, sql),
            sql,
          }
        case 'control-jobs':
          return {
            tag: 'local',
            statement: controlJobs(statement, this.#options.jobs, (select, query) => this.#expand(select, query)),
            sql,
          }
        case 'set-cluster-setting':
        case 'reset-cluster-setting':
          return { tag: 'local', statement: changeSetting(statement, this.#options), sql }
        case 'cancel-queries':
          return {
            tag: 'local',
            statement: cancelQueries(statement, {
              front: () => this.#theFront(),
              rights: this.#options.rights,
              expand: (select, query) => this.#expand(select, query),
            }),
            sql,
          }
        case 'unwatch':
          return { tag: 'local', statement: unwatch(statement, this.#options), sql }
        case 'drop-database':
        case 'move-database':
          return {
            tag: 'rewrite',
            sql,
            rewrite: async (query) => {
              // Whoever may not is refused by PostgreSQL, and stops nothing here by trying.
              const user = await currentUser({ queryBackend: query })
              if (await this.#options.rights.mayMoveDatabase(user, statement.name))
                await letGoOfDatabase(statement.name, this.#options)
              return { sql, place: place([]) }
            },
          }
        case 'alter-event-trigger':
          return {
            tag: 'rewrite',
            sql,
            rewrite: async (query) => {
              await refuseAlterOfOurs(statement, query)
              return { sql, place: place([]) }
            },
          }
        case 'grant-changefeed':
          return { tag: 'local', statement: grantChangefeed(statement, this.#options), sql }
        case 'role-options':
          return { tag: 'forward', sql: statement.sql, place: () => typedPosition(typed, start, [], 1) }
        case 'use-database':
          return { tag: 'local', statement: useDatabase(statement), sql }
        case 'reset-session':
          return { tag: 'local', statement: resetSession(statement), sql }
        case 'deallocate':
          return { tag: 'local', statement: deallocate(statement), sql }
        default: {
          const at = (): number => typedPosition(typed, start, [], 1)
          const shown = this.#showSql(statement, undefined)
          if (shown !== undefined && statement.tag === 'show-jobs' && statement.ids?.tag === 'values') {
            const checked = async (query: BackendQuery): Promise<SentText> => {
              await checkJobsThere(statement, query, this.#options.rights)
              return { sql: shown, place: at }
            }
            return { tag: 'rewrite', rewrite: checked, sql }
          }
          if (shown !== undefined) return { tag: 'forward', sql: shown, place: at }
          const rewrite = async (query: BackendQuery): Promise<SentText> => ({
            sql: (await this.#showTo(query))(statement),
            place: at,
          })
          return { tag: 'rewrite', rewrite, sql }
        }
      }
    } catch (error) {
      return { tag: 'error', error: error as Error, sql }
    }
  }

  /** `showSql` for whoever runs `query`; PostgreSQL says who that is, and our own connection what they may see. */
  async #showTo(query: BackendQuery): Promise<(statement: Statement) => string> {
    const reader = await readerOf(query, this.#theFront().runningStatements(), this.#options.rights)
    return (statement) => {
      const sql = this.#showSql(statement, reader)
      if (sql === undefined) throw new FeedError('FEED_BUG', `what ${statement.tag} shows is not known`)
      return sql
    }
  }

  /** A SHOW as the SELECT that answers it. Undefined: it depends on who reads it. */
  #showSql(statement: Statement, reader: Reader | undefined): string | undefined {
    const { settings } = this.#options
    switch (statement.tag) {
      case 'show-cluster-setting':
        return this.#showSetting(findSetting(statement.name, statement.position), reader)
      case 'show-cluster-settings':
        return reader && valuesSql(showSettings(statement.all, settingsFor(reader, settings)))
      case 'show-queries':
        return reader === undefined ? undefined : showQueriesSql(reader.statements)
      case 'show-jobs': {
        let dependsOnReader = false
        const show = (inner: Statement): string => {
          const text = this.#showSql(inner, reader)
          dependsOnReader ||= text === undefined
          return text ?? ''
        }
        const text = showJobsStatementSql(statement, (select) => expandShows(select, show, true))
        return dependsOnReader ? undefined : text
      }
      case 'show-automatic-jobs':
        return showAutomaticJobsSql
      case 'show-database':
        return showDatabaseSql
      case 'show-databases':
        return showDatabasesSql
      case 'show-tables':
        return showTablesSql
      default:
        throw new FeedError('FEED_SYNTAX', 'only SHOW statements can stand in brackets')
    }
  }

  #showSetting(name: SettingName, reader: Reader | undefined): string | undefined {
    const { settings } = this.#options
    if (!isSecret(name)) return valuesSql(showSetting(name, settings))
    return reader && valuesSql(showSetting(name, settingsFor(reader, settings)))
  }

  async #expand(select: string, query: BackendQuery): Promise<string> {
    return expandShows(select, await this.#showTo(query), true)
  }

  #theFront(): Front {
    if (this.front === undefined) throw new FeedError('FEED_BUG', 'a statement came before the front was there')
    return this.front
  }
}

function settingsFor(reader: Reader, settings: SettingTexts): SettingTexts {
  return reader.isAdmin ? settings : withoutSecrets(settings)
}
