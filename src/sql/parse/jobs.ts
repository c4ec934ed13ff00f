// PAUSE | RESUME | CANCEL (JOB | JOBS) ids [WITH REASON = value]
// SHOW JOBS [select] | SHOW AUTOMATIC JOBS | SHOW JOB value
// SHOW (JOB | JOBS) WHEN COMPLETE ids
// ids := value {, value}* | '(' value {, value}* ')' | select | '(' select ')'

import { FeedError } from '../../errors/feed-error.ts'
import type { ControlJobs, JobIds, ShowJobs } from '../ast.ts'
import { isOp, isWord } from '../tokens.ts'
import type { Cursor } from './cursor.ts'

const selects = ['select', 'with', 'values', 'table'] as const

export function parseControlJobs(cursor: Cursor, verb: ControlJobs['verb']): ControlJobs {
  const hint = `${verb.toUpperCase()} JOB id, or ${verb.toUpperCase()} JOBS (SELECT job_id FROM [SHOW JOBS] WHERE …)`
  const ids = parseIds(cursor, hint, verb === 'pause')
  if (verb === 'pause' && cursor.accept('with', 'reason')) {
    cursor.expectOp('=')
    cursor.value()
  }
  cursor.expectEnd(hint)
  return { tag: 'control-jobs', verb, ids }
}

/** Parses what follows SHOW JOB (one) or SHOW JOBS. */
export function parseShowJobs(cursor: Cursor, isOne: boolean): ShowJobs {
  const whenComplete = cursor.accept('when', 'complete')
  if (cursor.next === undefined && !whenComplete && !isOne) return { tag: 'show-jobs', ids: undefined, whenComplete }
  const ids = parseIds(cursor, 'SHOW JOBS, SHOW JOB id, or SHOW JOB WHEN COMPLETE id', false)
  cursor.expectEnd()
  return { tag: 'show-jobs', ids, whenComplete }
}

function parseIds(cursor: Cursor, hint: string, mayHaveReason: boolean): JobIds {
  if (isWord(cursor.next, 'for') && (isWord(cursor.peek(1), 'schedule') || isWord(cursor.peek(1), 'schedules'))) {
    throw new FeedError('FEED_UNSUPPORTED', 'schedules are not supported yet', { position: cursor.position + 1, hint })
  }
  const first = isOp(cursor.next, '(') ? cursor.peek(1) : cursor.next
  if (selects.some((word) => isWord(first, word)) || isOp(first, '(')) {
    return { tag: 'select', sql: mayHaveReason ? selectBeforeReason(cursor) : cursor.rest() }
  }
  const isBracketed = cursor.acceptOp('(')
  if (cursor.next === undefined) throw cursor.syntaxError(hint)
  const values = [cursor.value()]
  while (cursor.acceptOp(',')) values.push(cursor.value())
  if (isBracketed) cursor.expectOp(')')
  return { tag: 'values', values }
}

/** Reads a select: one in brackets ends with them, and WITH may follow; one without brackets extends to the end. */
function selectBeforeReason(cursor: Cursor): string {
  if (!isOp(cursor.next, '(')) return cursor.rest()
  const start = cursor.offset
  let depth = 0
  do {
    const token = cursor.take()
    if (isOp(token, '(')) depth += 1
    else if (isOp(token, ')')) depth -= 1
  } while (depth > 0)
  return cursor.textBetween(start, cursor.lastEnd)
}
