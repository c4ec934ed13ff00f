// Runs the statements of one Query message, in order, up to the first that fails, and then sends one ReadyForQuery.
//
// PostgreSQL runs a query string of many statements as one implicit transaction. If some statements are ours,
// those between two of ours are one such transaction, which remains in effect if a later one fails. A statement of ours that
// fails inside an explicit transaction makes the transaction fail, too.

import {
  commandComplete,
  emptyQueryResponse,
  errorResponse,
  readyForQuery,
  rowDescription,
} from '../wire/backend-writer.ts'
import type { Piece, SentText } from './local-statement.ts'
import { failTransaction, inFailedTransaction, type QuerySession } from './query-session.ts'

/** The separator of statements. It begins with a newline, because a statement may end in a comment. */
const between = '\n;'

/** Returns the text to send if all pieces are for PostgreSQL; undefined if we must run some of them. */
export function forwardedQuery(pieces: readonly Piece[]): SentText | undefined {
  const forwards = pieces.flatMap((piece) => (piece.tag === 'forward' ? [piece] : []))
  if (pieces.length === 0 || forwards.length < pieces.length) return undefined
  const sql = forwards.map((piece) => piece.sql).join(between)
  const positions = (position: number): number => {
    let left = position
    for (const piece of forwards) {
      const characters = [...piece.sql].length
      if (left <= characters + 1) return piece.positions?.(left) ?? position
      left -= characters + between.length
    }
    return position
  }
  return { sql, positions }
}

export async function runSimpleQuery(session: QuerySession, pieces: readonly Piece[]): Promise<void> {
  await session.link.settled()
  if (pieces.length === 0) await session.write(emptyQueryResponse)
  for (const piece of pieces) if (!(await runPiece(session, piece))) break
  await session.write(readyForQuery(session.link.status))
}

async function runPiece(session: QuerySession, piece: Piece): Promise<boolean> {
  const { link } = session
  try {
    if (piece.tag === 'forward') return await link.relay(piece)
    if (piece.tag === 'error') return session.refuseMalformed(piece)
    if (link.status === 'E') throw inFailedTransaction()
    if (piece.tag === 'rewrite') return await link.relay(await piece.rewrite((query) => link.query(query)))
    const { statement } = piece
    const opening = statement.columns === undefined ? undefined : rowDescription(statement.columns, [])
    const run = session.start({ statement, sql: piece.sql, parameters: [], resultFormats: [], opening })
    const result = await run.advance(0)
    await run.open()
    if (result.tag === 'done') await session.write(commandComplete(result.commandTag))
    return true
  } catch (error) {
    await failTransaction(session)
    await session.write(errorResponse(error))
    return false
  }
}
