// Many changefeeds of a server may begin at once on a table that is not under watch yet. The first one takes it, and the others
// wait here until it is done: if each tried to lock the table, they would be in each other's way, and the last ones would give up.

import type { WatchOptions } from './watch-one.ts'
import type { TableToWatch } from './watch-batch.ts'

const reportAfterMs = 1500

/** Settles when no other changefeed of this server takes any of these tables under watch. Disposing of the result ends the turn. */
export async function turnOf(
  tables: readonly TableToWatch[],
  { turns, signal, progress }: WatchOptions,
): Promise<Disposable | undefined> {
  const report = setTimeout(
    () => progress?.('waiting until other changefeeds have taken its tables under watch'),
    reportAfterMs,
  )
  try {
    return await turns?.take(
      tables.map(({ relid }) => relid),
      signal,
    )
  } finally {
    clearTimeout(report)
  }
}
