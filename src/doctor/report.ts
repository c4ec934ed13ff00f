// The findings as text for a human and as JSON for a program.

import { countText } from './amounts.ts'
import type { Report } from './doctor.ts'
import { worst, type Finding, type Verdict } from './finding.ts'

const marks: Readonly<Record<Verdict, string>> = { ok: 'ok', warning: 'WARNING', failure: 'FAILURE' }
const markWidth = 9
/** Of more tables only what is not in order is printed. */
const mostSubjects = 21

export function reportText({ findings, facts }: Report): string {
  const lines: string[] = []
  if (facts !== undefined) {
    const { server } = facts
    lines.push(`database ${server.database} as role ${server.role}`, '')
  }
  const idWidth = Math.max(...findings.map(({ id }) => id.length)) + 2
  const subjects = Map.groupBy(findings, (finding) => finding.subject)
  const isLong = subjects.size > mostSubjects
  let inOrder = 0
  for (const [subject, own] of subjects) {
    const isTable = subject !== 'server'
    const shown = isLong && isTable ? own.filter(({ verdict }) => verdict !== 'ok') : own
    if (shown.length === 0) inOrder += 1
    else lines.push(...(isTable ? ['', `table ${subject}`] : []), ...shown.flatMap((one) => linesOf(one, idWidth)))
  }
  if (inOrder > 0) lines.push('', `${countText(inOrder, 'other table is', 'other tables are')} in order`)
  lines.push('', summary(findings))
  return `${lines.join('\n')}\n`
}

function linesOf({ verdict, id, what, remedy }: Finding, idWidth: number): readonly string[] {
  const line = `${marks[verdict].padEnd(markWidth)}${id.padEnd(idWidth)}${what}`
  return remedy === undefined ? [line] : [line, `${' '.repeat(markWidth + idWidth)}→ ${remedy}`]
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: Verdict): number => findings.filter((finding) => finding.verdict === verdict).length
  const [failures, warnings] = [count('failure'), count('warning')]
  if (failures === 0 && warnings === 0) return 'everything is in order: a changefeed can start'
  const parts = [
    ...(failures > 0 ? [`${countText(failures, 'failure')}: a changefeed cannot start`] : []),
    ...(warnings > 0 ? [countText(warnings, 'warning')] : []),
  ]
  return parts.join('; ')
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
