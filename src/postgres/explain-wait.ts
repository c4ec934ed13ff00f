// The creation of a logical slot waits for the end of every transaction that has written, in all databases, and PostgreSQL does not report
// this. Here a caller learns which transactions it waits for.

import type { RawConnection } from './raw-connection.ts'

const firstMs = 1000
const againMs = 5000

/** Names a process, with its row of pg_stat_activity. Not everybody may see since when it is in its transaction. */
export function processSql(pid: string): string {
  return `format('process %s of user "%s" in database "%s"%s', ${pid}, usename, datname, ', in its transaction for ' || round(extract(epoch FROM clock_timestamp() - xact_start)) || ' s')`
}

/** Texts of queries are not read, because they may contain values of rows. A prepared transaction has no process and is listed as 0. */
const blockersSql = (pid: number): string => `SELECT string_agg(
  CASE WHEN b.pid = 0 THEN 'a prepared transaction' ELSE ${processSql('b.pid')} END, '; ' ORDER BY xact_start)
FROM unnest(pg_blocking_pids(${pid})) AS b(pid) LEFT JOIN pg_stat_activity USING (pid)`

export const waitsForWriters = 'waiting for transactions that have written'

export const waitHint =
  'it goes on when they are over; SELECT pg_terminate_backend(…) ends one by the number of its process'

/** What a feed waits for at its scans has a hint if it is this. */
export function hintOfWait(why: string): string | undefined {
  return why.startsWith(waitsForWriters) ? waitHint : undefined
}

/**
 * Calls `say` with what `connection` waits for, if its statement takes long. Returns a function that ends this; `ask` can be used
 * for something else after that.
 */
export function explainWait(
  ask: Pick<RawConnection, 'query'>,
  connection: Pick<RawConnection, 'backendPid'>,
  say: (why: string) => void,
): () => Promise<void> {
  let asking: Promise<void> = Promise.resolve()
  let isOver = false
  let timer = setTimeout(look, firstMs)
  function look(): void {
    asking = ask
      .query(blockersSql(connection.backendPid))
      .then(([row]) => {
        if (isOver) return
        if (row?.[0] != null) say(`${waitsForWriters}: ${row[0]}`)
        timer = setTimeout(look, againMs)
      })
      // The caller learns of the end of the connection from its own statement.
      .catch(() => undefined)
  }
  return async () => {
    isOver = true
    clearTimeout(timer)
    await asking
  }
}
