// What the form of a new changefeed shows while somebody fills it in: the statement, without secrets as SHOW JOBS shows it, and which options
// fit to the sink, the format and the tables that are chosen.

import { FeedError } from '../../errors/feed-error.ts'
import { resolveTargets, type TargetFacts } from '../../plan/catalogue.ts'
import { withKey } from '../../plan/key-change.ts'
import { optionFits } from '../../plan/option-fits.ts'
import { isOptionName, type OptionName } from '../../plan/options.ts'
import type { GivenOption } from '../../plan/read-options.ts'
import { readSql } from '../../sql/sql.ts'
import { shownStatement } from '../statements/shown-statement.ts'
import type { DraftAnswer } from './answers.ts'
import { optionalTextIn } from './api-request.ts'
import type { FormCall } from './changefeed-form.ts'
import { statementOf, type Chosen } from './form-statement.ts'
import { inSession } from './sql-client.ts'

/** What SHOW JOBS shows instead of a secret. */
const mark = 'redacted'
const mostTables = 1000
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
  return { tables, sink: optionalTextIn(body, 'sink') ?? '', options: options as Chosen['options'] }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

export async function draft(call: FormCall, chosen: Chosen): Promise<DraftAnswer> {
  const statement = statementOf(chosen)
  const redacted = shownStatement(statement)
  // URIs without secrets are shown as they are written, and not in the short form of SHOW JOBS.
  // A password may contain the word that stands for secrets, so it is taken out of what was chosen first.
  const hasSecrets = shownStatement(statement.replaceAll(mark, '')).includes(mark)
  const fits = optionFits({
    given: new Map(Object.entries(chosen.options).flatMap(([name, value]) => givenOf(name, value))),
    sinkText: chosen.sink,
    tables: await factsOfTables(call, chosen),
  })
  return {
    statement,
    shown: hasSecrets ? redacted : statement,
    hasSecrets,
    options: fits.map(({ name, reason = null, values }) => ({ name, reason, values })),
  }
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
