// The pieces of one Query message, in order, up to the first that fails; then ReadyForQuery, once.
//
// PostgreSQL runs a query string of many statements as one implicit transaction. Here each run of its own statements
// between two of ours is one: when a later piece fails, the ones before it stay. A statement of ours inside an explicit
// transaction fails that transaction with itself, as any would.

import {
  commandComplete,
  emptyQueryResponse,
  errorResponse,
  readyForQuery,
  rowDescription,
} from '../wire/backend-writer.ts'
import { queryMessage } from '../wire/frontend-messages.ts'
import type { Piece } from './local-statement.ts'
import { failTransaction, inFailedTransaction, type Turn } from './turn.ts'

/** All of it PostgreSQL's, in other words: the message to send instead. */
export function forwardedQuery(pieces: readonly Piece[]): Buffer | undefined {
  if (pieces.length === 0 || pieces.some((piece) => piece.tag !== 'forward')) return undefined
  // A newline, for a piece may end in a comment.
  return queryMessage(pieces.map(({ sql }) => sql).join('\n;'))
}

export async function runSimpleQuery(turn: Turn, sql: string, pieces: readonly Piece[]): Promise<void> {
  await turn.link.settled()
  if (pieces.length === 0) await turn.write(emptyQueryResponse)
  let from = 0
  for (const piece of pieces) {
    const found = sql.indexOf(piece.sql, from)
    if (found >= 0) from = found
    if (!(await runPiece(turn, piece, found < 0 ? 0 : characters(sql, found)))) break
  }
  await turn.write(readyForQuery(turn.link.status))
}

async function runPiece(turn: Turn, piece: Piece, at: number): Promise<boolean> {
  const { link } = turn
  try {
    if (piece.tag === 'forward') return await link.relay(piece.sql, at)
    if (piece.tag === 'error') throw piece.error
    if (link.status === 'E') throw inFailedTransaction()
    if (piece.tag === 'rewrite') return await link.relay(await piece.rewrite((query) => link.query(query)))
    const { statement } = piece
    if (statement.columns !== undefined) await turn.write(rowDescription(statement.columns, []))
    const run = turn.start({ statement, sql: piece.sql, parameters: [], resultFormats: [] })
    const result = await run.advance(0)
    if (result.tag === 'done') await turn.write(commandComplete(result.commandTag))
    return true
  } catch (error) {
    await failTransaction(turn)
    await turn.write(errorResponse(error))
    return false
  }
}

/** Positions count characters, not UTF-16 units. */
function characters(sql: string, end: number): number {
  let count = 0
  for (let at = 0; at < end; count++) at += (sql.codePointAt(at) as number) > 0xffff ? 2 : 1
  return count
}
