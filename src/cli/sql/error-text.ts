// An error as the shell prints it:
//
//   ERROR: relation "fo" does not exist
//   LINE 1: SELECT * FROM fo
//                         ^
//   SQLSTATE: 42P01
//   DETAIL: …
//   HINT: …

import { commandName } from '../../core/command-line.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { shownStatement } from '../../server/statements/shown-statement.ts'
import { printable } from './printable.ts'

export interface ErrorReport {
  readonly message: string
  readonly severity?: string | undefined
  readonly code?: string | undefined
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  /** The 1-based position in the statement, in characters. */
  readonly position?: string | undefined
}

export function errorText(error: unknown, sql?: string): string {
  const report = reportOf(error)
  const severity = report.severity === undefined || report.severity === 'ERROR' ? 'ERROR' : report.severity
  const lines = [`${severity}: ${report.message}`]
  const position = Number(report.position ?? 0)
  if (sql !== undefined && position > 0) lines.push(...caretLines(sql, position))
  if (report.code !== undefined) lines.push(`SQLSTATE: ${report.code}`)
  if (report.detail !== undefined) lines.push(`DETAIL: ${report.detail}`)
  const hint = report.hint ?? ownHint(report)
  if (hint !== undefined) lines.push(`HINT: ${hint}`)
  return `${printable(lines.join('\n'))}\n`
}

/** Returns hints for errors of PostgreSQL that have none. */
function ownHint({ code, severity }: ErrorReport): string | undefined {
  if (code !== '3D000') return undefined
  // Without a session, no statement can be run in the shell.
  return severity === 'FATAL'
    ? `${commandName()} sql --database=postgres -e '\\l' lists the databases`
    : '\\l lists the databases'
}

export function noticeText({ severity, message, detail, hint }: ErrorReport): string {
  const lines = [`${severity ?? 'NOTICE'}: ${message}`]
  if (detail !== undefined) lines.push(`DETAIL: ${detail}`)
  if (hint !== undefined) lines.push(`HINT: ${hint}`)
  return `${printable(lines.join('\n'))}\n`
}

function reportOf(error: unknown): ErrorReport {
  if (error instanceof FeedError) return { message: error.message, hint: error.hint, detail: error.detail }
  if (!(error instanceof Error)) return { message: String(error) }
  const report = error as Error & ErrorReport
  // Codes of Node, such as ECONNREFUSED, are no SQLSTATEs.
  return /^[0-9A-Z]{5}$/.test(report.code ?? '') ? report : { message: error.message }
}

function caretLines(written: string, position: number): string[] {
  const shown = shownUpTo(written, position)
  if (shown === undefined) return []
  const { sql, before } = shown
  const lineStart = before.lastIndexOf('\n') + 1
  const line = sql.slice(lineStart).split('\n', 1)[0] ?? ''
  const head = `LINE ${before.split('\n').length}: `
  // Tabs stay tabs, so that the caret stands below its character.
  const indent = before.slice(lineStart).replace(/[^\t]/g, ' ')
  return [head + line, `${' '.repeat(head.length)}${indent}^`]
}

/** Returns the statement without its secrets, since errors come into logs, and what stands before the position. */
function shownUpTo(written: string, position: number): { readonly sql: string; readonly before: string } | undefined {
  const before = [...written].slice(0, position - 1).join('')
  if (!/:\/\/|changefeed/i.test(written)) return { sql: written, before }
  try {
    return { sql: shownStatement(written), before: shownStatement(before) }
  } catch {
    // It cannot be told where its secrets are.
    return undefined
  }
}
