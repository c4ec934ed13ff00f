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
import type { Piece, SentText } from './local-statement.ts'
import { failTransaction, inFailedTransaction, type Turn } from './turn.ts'

/** A newline, for a piece may end in a comment. */
const between = '\n;'

/** All of it PostgreSQL's, in other words: what to send instead. */
export function forwardedQuery(pieces: readonly Piece[]): SentText | undefined {
  const forwards = pieces.flatMap((piece) => (piece.tag === 'forward' ? [piece] : []))
  if (pieces.length === 0 || forwards.length < pieces.length) return undefined
  const sql = forwards.map((piece) => piece.sql).join(between)
  const place = (position: number): number => {
    let left = position
    for (const piece of forwards) {
      const characters = [...piece.sql].length
      if (left <= characters + 1) return piece.place?.(left) ?? position
      left -= characters + between.length
    }
    return position
  }
  return { sql, place }
}

export async function runSimpleQuery(turn: Turn, pieces: readonly Piece[]): Promise<void> {
  await turn.link.settled()
  if (pieces.length === 0) await turn.write(emptyQueryResponse)
  for (const piece of pieces) if (!(await runPiece(turn, piece))) break
  await turn.write(readyForQuery(turn.link.status))
}

async function runPiece(turn: Turn, piece: Piece): Promise<boolean> {
  const { link } = turn
  try {
    if (piece.tag === 'forward') return await link.relay(piece)
    if (piece.tag === 'error') throw piece.error
    if (link.status === 'E') throw inFailedTransaction()
    if (piece.tag === 'rewrite') return await link.relay(await piece.rewrite((query) => link.query(query)))
    const { statement } = piece
    const opening = statement.columns === undefined ? undefined : rowDescription(statement.columns, [])
    const run = turn.start({ statement, sql: piece.sql, parameters: [], resultFormats: [], opening })
    const result = await run.advance(0)
    await run.open()
    if (result.tag === 'done') await turn.write(commandComplete(result.commandTag))
    return true
  } catch (error) {
    await failTransaction(turn)
    await turn.write(errorResponse(error))
    return false
  }
}
