// What the form of a new changefeed shows while somebody fills it in: the statement, without secrets as SHOW JOBS shows it, and which options
// fit to the sink, the format and the tables that are chosen.

import { FeedError } from '../../errors/feed-error.ts'
import { resolveTargets, type TargetFacts } from '../../plan/catalogue.ts'
import { withKey } from '../../plan/key-change.ts'
import { optionFits } from '../../plan/option-fits.ts'
import { isOptionName, type OptionName } from '../../plan/options.ts'
import type { GivenOption } from '../../plan/read-options.ts'
import { readSql } from '../../sql/sql.ts'
import type { DraftAnswer } from './answers.ts'
import { optionalTextIn } from './api-request.ts'
import type { FormCall } from './changefeed-form.ts'
import { shownOf, statementOf, type Chosen } from './form-statement.ts'
import { inSession } from './sql-client.ts'

/** What SHOW JOBS shows instead of a secret. */
const mark = 'redacted'
const mostTables = 1000
/** A name of a table as SQL writes it, and nothing else: the beginning of a comment would swallow the rest of the statement. */
const part = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`
const tableName = new RegExp(String.raw`^${part}(?:\.${part}){0,2}$`)
/** The columns of further tables are left to the statement's check. */
const readTables = 100

/** Reads what was chosen from the body of a request. */
export function chosenIn(body: Readonly<Record<string, unknown>>): Chosen {
  const { tables = [], options = {} } = body
  const isRight =
    Array.isArray(tables) &&
    tables.length <= mostTables &&
    tables.every(isText) &&
    typeof options === 'object' &&
    options !== null &&
    Object.values(options).every(isText)
  if (!isRight) {
    throw new FeedError(
      'FEED_OPTION',
      `"tables" has to be a list of at most ${mostTables} texts, and "options" an object of texts`,
    )
  }
  const odd = tables.find((table) => !tableName.test(table))
  if (odd !== undefined)
    throw new FeedError('FEED_OPTION', `${JSON.stringify(odd)} is not a name of a table as SQL writes it`, {
      hint: 'a name with other characters than letters, digits and underscores stands between double quotes',
    })
  return { tables, sink: optionalTextIn(body, 'sink') ?? '', options: options as Chosen['options'] }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

export async function draft(call: FormCall, chosen: Chosen): Promise<DraftAnswer> {
  const statement = statementOf(chosen)
  // URIs without secrets are shown as they are written, and not in the short form of SHOW JOBS.
  // A password may contain the word that stands for secrets, so it is taken out of what was chosen first.
  const hasSecrets = shownOf(withoutMark(chosen)).includes(mark)
  const fits = optionFits({
    given: new Map(Object.entries(chosen.options).flatMap(([name, value]) => givenOf(name, value))),
    sinkText: chosen.sink,
    tables: await factsOfTables(call, chosen),
  })
  return {
    statement,
    shown: hasSecrets ? shownOf(chosen) : statement,
    hasSecrets,
    options: fits.map(({ name, reason = null, values }) => ({ name, reason, values })),
  }
}

function withoutMark({ tables, sink, options }: Chosen): Chosen {
  const without = (text: string): string => text.replaceAll(mark, '')
  const cut = Object.entries(options).map(([name, value]) => [name, value === '' ? '' : `${without(value)} `])
  return { tables: tables.map(without), sink: without(sink), options: Object.fromEntries(cut) as Chosen['options'] }
}

function givenOf(name: string, value: string): [OptionName, GivenOption][] {
  return isOptionName(name) ? [[name, { name, text: value === '' ? undefined : value, position: 0 }]] : []
}

/** What of the tables can be known: a table that is gone, or cannot be asked for, is the matter of the statement's check. */
async function factsOfTables(call: FormCall, { tables }: Chosen): Promise<readonly TargetFacts[]> {
  if (tables.length === 0) return []
  const [piece] =
    readSql(statementOf({ tables: tables.slice(0, readTables), sink: 'null://', options: {} }), {
      dialect: false,
      show: () => undefined,
    }) ?? []
  const statement = piece?.tag === 'ours' ? piece.statement : undefined
  if (statement?.tag !== 'create-changefeed') return []
  const { targets } = statement
  try {
    return await inSession(call.user, call, async (client) => {
      const query = async (text: string): Promise<(string | null)[][]> => {
        const types = { getTypeParser: () => (value: string) => value }
        return (await client.query<(string | null)[]>({ text, rowMode: 'array', types })).rows
      }
      const found = await resolveTargets(targets, client.database ?? '', () => ({ query }))
      return found.targets.flatMap((target) => (target.tag === 'table' ? [withKey(target)] : []))
    })
  } catch {
    return []
  }
}
