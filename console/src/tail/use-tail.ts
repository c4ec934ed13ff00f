// Follows the messages of a job's tables.

import { useCallback, useEffect, useRef, useState } from 'react'
import type { TailLine } from '../../../src/server/api/answers.ts'
import { ApiError, openLines } from '../api.ts'

/** Older lines are forgotten. */
const keptLines = 500

export interface Line {
  readonly number: number
  readonly atMs: number
  readonly line: TailLine
}

export type Phase = 'connecting' | 'flowing' | 'paused' | 'ended'

export function useTail(id: string, hasScan: boolean, turn: number) {
  const [lines, setLines] = useState<readonly Line[]>([])
  const [phase, setPhase] = useState<Phase>('connecting')
  const [failure, setFailure] = useState<ApiError>()
  const [resolved, setResolved] = useState<string>()
  const [count, setCount] = useState(0)
  /** Settles when the tail may go on: while it does not, nothing is read, and the server waits. */
  const gate = useRef<PromiseWithResolvers<void>>(undefined)
  useEffect(() => {
    const abort = new AbortController()
    setPhase('connecting')
    setFailure(undefined)
    setLines([])
    setCount(0)
    const take = (batch: readonly TailLine[]): void => {
      const atMs = Date.now()
      setCount((n) => n + batch.filter(({ tag }) => tag === 'message').length)
      const last = batch.findLast((line) => line.tag === 'resolved')
      if (last?.tag === 'resolved') setResolved(last.at)
      const end = batch.find((line) => line.tag === 'end')
      if (end?.error !== undefined) setFailure(new ApiError(0, { ...end, error: end.error }))
      setLines((before) => {
        const first = (before[0]?.number ?? 0) + 1
        const fresh = batch.map((line, i) => ({ number: first + i, atMs, line })).toReversed()
        return [...fresh, ...before].slice(0, keptLines)
      })
    }
    follow({
      id,
      hasScan,
      signal: abort.signal,
      take,
      begun: () => setPhase('flowing'),
      gate: () => gate.current?.promise,
    }).then(
      () => setPhase('ended'),
      (error: ApiError) => {
        if (abort.signal.aborted) return
        setFailure(error)
        setPhase('ended')
      },
    )
    return () => {
      abort.abort()
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
  const clear = useCallback(() => {
    setLines([])
    setCount(0)
  }, [])
  return { lines, phase, failure, resolved, count, pause, clear }
}

interface FollowOptions {
  readonly id: string
  readonly hasScan: boolean
  readonly signal: AbortSignal
  readonly take: (lines: readonly TailLine[]) => void
  readonly begun: () => void
  readonly gate: () => Promise<void> | undefined
}

async function follow({ id, hasScan, signal, take, begun, gate }: FollowOptions): Promise<void> {
  const stream = await openLines(`jobs/${id}/messages`, { scan: hasScan ? 'yes' : undefined }, signal)
  begun()
  const reader = stream.getReader()
  let rest = ''
  for (;;) {
    await gate()
    const { done, value } = await reader.read()
    if (done) return
    const texts = (rest + value).split('\n')
    rest = texts.pop() ?? ''
    const batch = texts.filter((text) => text !== '').map((text) => JSON.parse(text) as TailLine)
    if (batch.length > 0) take(batch)
  }
}
