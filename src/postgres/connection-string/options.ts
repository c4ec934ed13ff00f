// The switches of `options` (PGOPTIONS), which PostgreSQL gets as they are, except those that would change how we read rows.

import { FeedError } from '../../errors/feed-error.ts'
import { laterParameters, rowTextParameters } from '../source-connection.ts'

const ours: ReadonlySet<string> = new Set(
  [...Object.keys(rowTextParameters), ...Object.keys(laterParameters)].map((name) => name.toLowerCase()),
)

/** Throws FEED_OPTION for a setting that all connections of pg-changefeed set themselves. */
export function checkOptions(options: string): void {
  const words = options.match(/(?:\\.|[^\s\\])+/gs) ?? []
  for (const [i, word] of words.entries()) {
    const text = word === '-c' ? (words[i + 1] ?? '') : /^(?:-c|--)(.*)$/s.exec(word)?.[1]
    const name = text?.split('=')[0]?.replaceAll('-', '_').toLowerCase() ?? ''
    if (!ours.has(name)) continue
    throw new FeedError(
      'FEED_OPTION',
      `options sets ${name}, which pg-changefeed sets itself so that rows are read exactly`,
      {
        hint: `take ${name} out of options (PGOPTIONS)`,
      },
    )
  }
}
