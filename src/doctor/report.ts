// The findings as text for a human and as JSON for a program.

import { countText } from './amounts.ts'
import type { Report } from './doctor.ts'
import { worst, type Finding, type Verdict } from './finding.ts'
import { wrap } from './wrap.ts'

const marks: Readonly<Record<Verdict, string>> = { ok: 'ok', warning: 'WARNING', failure: 'FAILURE' }
const markWidth = 9
/** Warnings of one check about so many tables are printed; a database of many tables would hide the others. */
const mostTables = 10

export interface ReportStyle {
  /** Also what is ok. */
  readonly all: boolean
  /** Of the terminal; undefined: no line is broken, for programs that read lines. */
  readonly width?: number | undefined
  /** Gives the mark of a verdict its colour. */
  readonly paint?: (verdict: Verdict, mark: string) => string
}

export function reportText({ findings, facts }: Report, style: ReportStyle): string {
  const head = facts === undefined ? [] : [`database ${facts.server.database} as role ${facts.server.role}`, '']
  const lines = style.all ? wholeTable(findings, style) : notOk(findings, style)
  return `${[...head, ...lines, summary(findings)].join('\n')}\n`
}

/** What is to be done first comes first. */
function notOk(findings: readonly Finding[], style: ReportStyle): readonly string[] {
  const lines: string[] = []
  const indent = markWidth
  const print = (finding: Finding): void => {
    const { id, subject, what, remedy } = finding
    const of = subject === 'server' ? '' : `  table ${subject}`
    lines.push(`${mark(finding.verdict, style)}${id}${of}`, ...paragraph(what, remedy, { ...style, indent }), '')
  }
  for (const finding of findings) if (finding.verdict === 'failure') print(finding)
  const warnings = Map.groupBy(
    findings.filter(({ verdict }) => verdict === 'warning'),
    ({ id }) => id,
  )
  for (const [id, own] of warnings) {
    for (const finding of own.slice(0, mostTables)) print(finding)
    const more = own.length - mostTables
    if (more > 0) lines.push(`${mark('warning', style)}${id}  ${countText(more, 'more table')}; --all shows them`, '')
  }
  const inOrder = findings.filter(({ verdict }) => verdict === 'ok').length
  if (inOrder > 0) {
    const text = `${inOrder} of ${countText(findings.length, 'check')} are ok; --all shows them: what is created, which locks are taken, how long a scan takes`
    lines.push(wrap(text, { indent: 0, width: style.width }))
  }
  return lines
}

function wholeTable(findings: readonly Finding[], style: ReportStyle): readonly string[] {
  const idWidth = Math.max(...findings.map(({ id }) => id.length)) + 2
  const indent = markWidth + idWidth
  const lines: string[] = []
  for (const [subject, own] of Map.groupBy(findings, (finding) => finding.subject)) {
    if (subject !== 'server') lines.push(`table ${subject}`)
    for (const { verdict, id, what, remedy } of own) {
      const [first = '', ...rest] = paragraph(what, remedy, { ...style, indent })
      lines.push(`${mark(verdict, style)}${id.padEnd(idWidth)}${first.trimStart()}`, ...rest)
    }
    lines.push('')
  }
  return lines
}

/** What was found, and below it what to do. A command of the shell stays in one line, to be copied. */
function paragraph(
  what: string,
  remedy: string | undefined,
  { indent, width }: { readonly indent: number; readonly width?: number | undefined },
): readonly string[] {
  const margin = ' '.repeat(indent)
  const lines = [`${margin}${wrap(what, { indent, width })}`]
  if (remedy === undefined) return lines
  const isCommand = remedy.includes('changefeed setup-sql')
  const below = wrap(remedy, { indent: indent + 2, width: isCommand ? undefined : width })
  return [...lines, `${margin}→ ${below}`]
}

function mark(verdict: Verdict, { paint = (_, text): string => text }: ReportStyle): string {
  const text = marks[verdict]
  return `${paint(verdict, text)}${' '.repeat(markWidth - text.length)}`
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: Verdict): number => findings.filter((finding) => finding.verdict === verdict).length
  const [failures, warnings] = [count('failure'), count('warning')]
  if (failures === 0 && warnings === 0) return 'everything is in order: a changefeed can start'
  if (failures === 0) return `${countText(warnings, 'warning')}: a changefeed can start`
  const also = warnings === 0 ? '' : `; ${countText(warnings, 'warning')}`
  return `${countText(failures, 'failure')}: a changefeed cannot start${also}`
}

/** The shape stays: members are added, and none is renamed. */
export function reportJson({ findings, facts }: Report): object {
  return {
    format: 1,
    verdict: worst(findings),
    ...(facts === undefined
      ? {}
      : {
          server: {
            database: facts.server.database,
            role: facts.server.role,
            version: facts.server.version,
            provider: facts.provider.id,
          },
          mode: facts.mode,
        }),
    findings,
  }
}

/** 0: everything is ok; 1: a failure; 2: only warnings. */
export function exitCodeOf({ findings }: Report): number {
  return { ok: 0, failure: 1, warning: 2 }[worst(findings)]
}
