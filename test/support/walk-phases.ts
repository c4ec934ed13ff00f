// Walks all pairs of phases of a state, for tests of the table that says which may follow which.

import { FeedError } from '../../src/errors/feed-error.ts'

/** One line for each phase: which phases may follow it. A pair is refused with FEED_BUG; other errors are thrown. */
export function walk<Phase extends { readonly tag: string }>(
  phases: Readonly<Record<Phase['tag'], Phase>>,
  follow: (from: Phase, to: Phase) => Phase,
): string[] {
  const all = Object.values<Phase>(phases)
  return all.map((from) => {
    const following = all.filter((to) => isAllowed(() => follow(from, to), to)).map(({ tag }) => tag)
    return `${from.tag} → ${following.join(', ') || 'nothing'}`
  })
}

/** For `assert.throws`: FEED_BUG with such a message. */
export function isBug(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof FeedError && error.code === 'FEED_BUG' && message.test(error.message)
}

function isAllowed<Phase>(step: () => Phase, to: Phase): boolean {
  try {
    return step() === to
  } catch (error) {
    if (isBug(/./)(error)) return false
    throw error
  }
}
