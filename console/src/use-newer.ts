// Notices that the server has become another version, whose scripts are others than those of this page.

import { useEffect, useState } from 'react'
import { useReach } from './reach.ts'

const everyMs = 5 * 60_000
const scripts = /\bassets\/[\w-]+\.js\b/

/** The name of the script has a hash of all that the console consists of. */
function ownScript(): string | undefined {
  const own = [...document.scripts].map(({ src }) => scripts.exec(src)?.[0])
  return own.find((name) => name !== undefined)
}

export function useNewer(): boolean {
  const reach = useReach()
  const [isNewer, setNewer] = useState(false)
  useEffect(() => {
    if (isNewer || reach === 'down') return
    const own = ownScript()
    const abort = new AbortController()
    const look = async (): Promise<void> => {
      if (document.hidden) return
      try {
        const response = await fetch('./', { signal: abort.signal, cache: 'no-cache' })
        const found = response.ok ? scripts.exec(await response.text())?.[0] : undefined
        // A server without a console has no newer one.
        if (own !== undefined && found !== undefined && found !== own) setNewer(true)
      } catch {
        // The next look finds it.
      }
    }
    const timer = setInterval(() => void look(), everyMs)
    // Whenever the server answers again, it may have been started anew.
    void look()
    return () => {
      abort.abort()
      clearInterval(timer)
    }
  }, [reach, isNewer])
  return isNewer
}
