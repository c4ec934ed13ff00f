// Data that is asked for again and again while the page is seen.

import { useCallback, useEffect, useRef, useState } from 'react'
import { ApiError } from './api.ts'
import { useLoggedOut } from './session.ts'

/** A page whose request has failed asks again no later than this, so that the error does not outlive its cause. */
const failedMs = 5000

export interface Polled<T> {
  /** The last answer; undefined before the first one. */
  readonly data: T | undefined
  /** Why the last request failed. */
  readonly error: ApiError | undefined
  /** Asks at once. */
  readonly refresh: () => void
}

/** `key` names what is asked for: with another key the former answer is forgotten. */
export function usePoll<T>(key: string, ask: (signal: AbortSignal) => Promise<T>, everyMs = 5000): Polled<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: ApiError }>({ key })
  const latest = useRef(ask)
  latest.current = ask
  const loggedOut = useLoggedOut()
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const abort = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async (): Promise<void> => {
      let nextMs = everyMs
      try {
        const data = await latest.current(abort.signal)
        if (!abort.signal.aborted) setState({ key, data })
      } catch (error) {
        if (abort.signal.aborted) return
        const failure = error instanceof ApiError ? error : new ApiError(500, { error: String(error) })
        if (failure.status === 401) loggedOut()
        nextMs = Math.min(everyMs, failedMs)
        setState((before) => ({ ...(before.key === key ? before : { key }), error: failure }))
      }
      if (!abort.signal.aborted) timer = setTimeout(again, nextMs)
    }
    const again = (): void => {
      // A page that nobody sees asks for nothing.
      if (document.hidden) document.addEventListener('visibilitychange', again, { once: true, signal: abort.signal })
      else void look()
    }
    void look()
    return () => {
      abort.abort()
      clearTimeout(timer)
    }
  }, [key, everyMs, turn, loggedOut])
  const refresh = useCallback(() => setTurn((n) => n + 1), [])
  const isOf = state.key === key
  return { data: isOf ? state.data : undefined, error: isOf ? state.error : undefined, refresh }
}
