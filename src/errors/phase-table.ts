// A state that is one of several phases, and the table of which phase may follow which. The table is total: it has a
// line for each phase. A step that it does not name is a bug of ours: whoever takes it ends with an error instead of going on.

import { FeedError } from './feed-error.ts'

export type PhaseTable<Tag extends string> = Readonly<Record<Tag, readonly Tag[]>>

/** Returns `to` if the table lets it follow `from`. */
export function follow<Tag extends string, Phase extends { readonly tag: Tag }>(
  table: PhaseTable<Tag>,
  from: Phase,
  to: Phase,
): Phase {
  if (!table[from.tag].includes(to.tag)) throw new FeedError('FEED_BUG', `what is ${from.tag} cannot become ${to.tag}`)
  return to
}
