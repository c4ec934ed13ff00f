// A publication that a DBA has dropped: its feeds end at once, and not only when it is there again.

import type { ChangelogKeeper, ChangelogWriter } from '../../changelog/changelog.ts'
import { nextHlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { publication } from '../../source-schema/names.ts'
import { isNotPrepared } from '../../source-schema/source-mode.ts'
import { keepState, readState } from './prepared-state.ts'

/** In place of the id of a publication that does not exist. */
const gone = 'none'

export const publicationDropped = `publication "${publication}" was dropped: changes are not published any more`

interface Log {
  readonly log: Pick<ChangelogKeeper, 'readNote' | 'writeNote'>
  readonly writer: ChangelogWriter
}

/** Writes the gap if `error` says that the publication is missing and no gap does yet. Returns its reason. */
export async function recordGone({ log, writer }: Log, error: unknown): Promise<string | undefined> {
  const known = readState(log)
  if (!isNotPrepared(error) || known === undefined || known.publication === gone) return undefined
  writer.gap(nextHlc(writer.lastTimestamp), writer.endLsn, publicationDropped)
  await writer.flush()
  keepState(log, { version: 1, publication: gone, tables: {} })
  return publicationDropped
}

/** Ends an attempt. The next one writes the gap. */
export function goneNow(): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', `publication "${publication}" was dropped`, {
    sqlstate: '42704',
    hint: 'a superuser makes it anew with what changefeed setup-sql --postgres=... --tables=... prints',
  })
}
