// Does something when somebody comes back to the page, but not again and again for who goes to and fro.

import { useEffect, useRef } from 'react'

export function useReturn(come: () => void, atLeastMs = 3000): void {
  const latest = useRef(come)
  latest.current = come
  useEffect(() => {
    const abort = new AbortController()
    let lastMs = Date.now()
    const back = (): void => {
      if (document.hidden || Date.now() - lastMs < atLeastMs) return
      lastMs = Date.now()
      latest.current()
    }
    window.addEventListener('focus', back, { signal: abort.signal })
    document.addEventListener('visibilitychange', back, { signal: abort.signal })
    return () => abort.abort()
  }, [atLeastMs])
}
