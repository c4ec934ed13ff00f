// The error for those who start a changefeed on tables that a DBA has not prepared, or not whole: everything that is missing, with
// all statements, so that a DBA is asked once.

import { commandName, shellWord } from '../../core/command-line.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { publication } from '../../source-schema/names.ts'
import type { Lacking } from './lacks.ts'
import type { MemberFacts } from './prepared-facts.ts'

export interface TableLacks {
  readonly table: MemberFacts
  readonly lacks: readonly Lacking[]
}

/** More are only counted; their statements are all there. */
const mostSentences = 20

/** Undefined: nothing is missing. */
export function refusalOf(tables: readonly TableLacks[], role: string): FeedError | undefined {
  const lacks = distinct(tables)
  const [first, ...others] = lacks
  if (first === undefined) return undefined
  const more =
    others.length === 0 ? '' : `, and ${others.length} more ${others.length === 1 ? 'thing is' : 'things are'} missing`
  const detail = others.length === 0 ? (first.detail ?? '') : sentences(lacks)
  return new FeedError(first.code, `table ${first.name} ${first.what}${more}`, {
    ...(detail === '' ? {} : { detail }),
    hint: hintOf(tables, lacks, role),
  })
}

interface NamedLack extends Lacking {
  readonly name: string
}

/** What is wrong with the publication is wrong for each of its tables, and said once. */
function distinct(tables: readonly TableLacks[]): readonly NamedLack[] {
  const said = new Set<string>()
  return tables.flatMap(({ table: { name }, lacks }) =>
    lacks.flatMap((lack) => {
      const statements = lack.statements.join('; ')
      if (said.has(statements)) return []
      said.add(statements)
      return [{ ...lack, name }]
    }),
  )
}

function sentences(lacks: readonly NamedLack[]): string {
  const lines = lacks
    .slice(0, mostSentences)
    .map(({ name, what, detail = '', or }) =>
      [`table ${name} ${what}.`, detail, or === undefined ? '' : `Another way: ${or}.`].filter(Boolean).join(' '),
    )
  if (lacks.length > mostSentences) lines.push(`${lacks.length - mostSentences} more.`)
  return lines.join('\n')
}

function hintOf(tables: readonly TableLacks[], lacks: readonly NamedLack[], role: string): string {
  const statements = lacks.flatMap((lack) => lack.statements)
  const [first] = lacks
  const or = lacks.length > 1 || first?.or === undefined ? '' : `; or ${first.or}`
  const runs = `the owner of the database runs: ${statements.join('; ')}${or}`
  if (lacks.length === 1) return runs
  const namesOf = (some: readonly TableLacks[]): string => some.map(({ table }) => table.name).join(',')
  const wanted = tables.filter((table) => table.lacks.length > 0)
  const diff = wanted.filter((table) => table.lacks.some(({ isOfOldRows }) => isOfOldRows === true))
  const flags = [`--tables=${namesOf(wanted)}`, ...(diff.length === 0 ? [] : [`--diff=${namesOf(diff)}`])]
    .map(shellWord)
    .join(' ')
  return `${runs}; or what this prints, which checks the tables before it changes them: ${commandName()} setup-sql --postgres=... ${shellWord(`--role=${unquoted(role)}`)} ${flags}`
}

/** `quote_ident` has quoted it; a flag takes the name as it is. */
function unquoted(role: string): string {
  return role.startsWith('"') ? role.slice(1, -1).replaceAll('""', '"') : role
}

/** There is no publication at all. */
export function notPublished(names: readonly string[]): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', `table ${names[0]} is not in publication ${publication}`, {
    hint: `its owner or a superuser runs what this prints: ${commandName()} setup-sql --postgres=... ${shellWord(`--tables=${names.join(',')}`)}`,
  })
}
