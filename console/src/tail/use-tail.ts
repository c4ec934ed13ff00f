// Follows the messages of a job's tables, until they end for a reason that stays. A connection that breaks is made anew.

import { useCallback, useEffect, useRef, useState } from 'react'
import { ApiError } from '../api.ts'
import { follow } from './follow.ts'
import { keep, nothingKept } from './kept-lines.ts'
import { useSilence } from './use-silence.ts'

export type { Line } from './kept-lines.ts'
export type Phase = 'connecting' | 'flowing' | 'paused' | 'reconnecting' | 'ended'

const againMs = 3000
const broken = {
  tag: 'notice',
  text: 'The connection was broken: changes of the time until now are not shown.',
} as const

export function useTail(id: string, hasScan: boolean, turn: number) {
  const [kept, setKept] = useState(nothingKept)
  const [phase, setPhase] = useState<Phase>('connecting')
  const [failure, setFailure] = useState<ApiError>()
  /** Settles when the tail may go on: while it does not, nothing is read, and the server waits. */
  const gate = useRef<PromiseWithResolvers<void>>(undefined)
  useEffect(() => {
    const abort = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    setPhase('connecting')
    setFailure(undefined)
    setKept(nothingKept)
    const begin = (isAgain: boolean): void => {
      let isToldOfBreak = !isAgain
      follow({
        id,
        // After a break the rows are not wanted again.
        hasScan: hasScan && !isAgain,
        signal: abort.signal,
        take: (batch) => {
          // The changefeed has a time to begin with when its first message comes, and not yet when the server has answered.
          const isSince = batch.some(({ tag }) => tag === 'message' || tag === 'resolved')
          const lines = isToldOfBreak || !isSince ? batch : [broken, ...batch]
          isToldOfBreak ||= isSince
          setKept((before) => keep(before, lines, Date.now()))
        },
        begun: () => {
          setFailure(undefined)
          setPhase('flowing')
        },
        gate: () => gate.current?.promise,
      }).then(
        (end) => {
          if (end !== undefined) setFailure(end)
          over(end !== undefined && isPassing(end))
        },
        (error: unknown) => {
          if (abort.signal.aborted) return
          const failed = error instanceof ApiError ? error : new ApiError(500, { error: String(error) })
          setFailure(failed)
          over(isPassing(failed))
        },
      )
    }
    const over = (isPassing: boolean): void => {
      if (abort.signal.aborted) return
      gate.current?.resolve()
      gate.current = undefined
      setPhase(isPassing ? 'reconnecting' : 'ended')
      if (isPassing) timer = setTimeout(() => begin(true), againMs)
    }
    begin(false)
    return () => {
      abort.abort()
      clearTimeout(timer)
      gate.current?.resolve()
      gate.current = undefined
    }
  }, [id, hasScan, turn])
  const pause = useCallback((isPaused: boolean) => {
    if (isPaused) gate.current = Promise.withResolvers()
    else {
      gate.current?.resolve()
      gate.current = undefined
    }
    setPhase(isPaused ? 'paused' : 'flowing')
  }, [])
  const silentSince = useSilence(phase === 'flowing', kept.all)
  const clear = useCallback(() => setKept((before) => ({ ...nothingKept, all: before.all })), [])
  return { kept, phase, silentSince, failure, pause, clear }
}

/** The server is away, stops, or PostgreSQL does: that passes. */
function isPassing({ status, answer: { sqlstate = '' } }: ApiError): boolean {
  return status === 0 || status === 503 || /^(?:08|57P)/.test(sqlstate)
}
