// A state that is one of several phases, and the table of which phase may follow which. The table is total: it has a
// line for each phase. A step that the table does not name is a bug of ours, and throws an error.

import { FeedError } from './feed-error.ts'

/** `table` says which phases may follow a phase. The returned function returns `to` if the table lets it follow `from`. */
export function stepsOf<Phase extends { readonly tag: string }>(
  table: Readonly<Record<Phase['tag'], readonly Phase['tag'][]>>,
): (from: Phase, to: Phase) => Phase {
  return (from, to) => {
    const tag: Phase['tag'] = from.tag
    if (table[tag].includes(to.tag)) return to
    throw new FeedError('FEED_BUG', `what is ${from.tag} cannot become ${to.tag}`)
  }
}
