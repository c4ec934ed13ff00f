// Since when nothing has come, of what comes once a second while all is well: a live tail has a resolved message each second.

import { useEffect, useState } from 'react'

/** A shorter pause is no sign of anything. */
const worthMs = 10_000

/** `count` grows with whatever comes. Returns milliseconds since 1970; undefined: that is often enough. */
export function useSilence(isExpected: boolean, count: number): number | undefined {
  const [since, setSince] = useState<number>()
  useEffect(() => {
    setSince(undefined)
    if (!isExpected) return undefined
    const lastMs = Date.now()
    const timer = setTimeout(() => setSince(lastMs), worthMs)
    return () => clearTimeout(timer)
  }, [isExpected, count])
  return since
}
