// Asks the server what it says to something that is being written, a moment after that was changed last.

import { useCallback, useEffect, useState } from 'react'
import { ApiError, postQuestion } from './api.ts'
import { useLater } from './use-later.ts'

export interface AnswerState<T> {
  /** The last answer, which may be to a former question while `isBusy`. */
  readonly answer: T | undefined
  readonly error: ApiError | undefined
  /** The present question is not answered yet. */
  readonly isBusy: boolean
  /** Asks the same again. */
  readonly again: () => void
}

/** While the server does not answer it is asked again by itself. */
const againMs = 4000

/** `asked`: undefined: there is nothing to ask yet. */
export function useAnswer<T>(path: string, asked: object | undefined, waitMs: number): AnswerState<T> {
  const now = asked === undefined ? '' : JSON.stringify(asked)
  const key = useLater(now, waitMs)
  const [turn, setTurn] = useState(0)
  const [state, setState] = useState<{ key: string; turn: number; answer?: T; error?: ApiError }>({ key: '', turn: 0 })
  useEffect(() => {
    if (key === '') return
    let isLate = false
    let timer: ReturnType<typeof setTimeout> | undefined
    postQuestion<T>(path, JSON.parse(key) as object).then(
      (answer) => isLate || setState({ key, turn, answer }),
      (failure: unknown) => {
        if (isLate) return
        const error = failure instanceof ApiError ? failure : new ApiError(500, { error: String(failure) })
        setState((before) => ({ ...before, key, turn, error }))
        if (error.isUnreachable || error.status === 503) timer = setTimeout(() => setTurn((n) => n + 1), againMs)
      },
    )
    return () => {
      isLate = true
      clearTimeout(timer)
    }
  }, [path, key, turn])
  const isBusy = state.key !== now || state.turn !== turn
  const again = useCallback(() => setTurn((n) => n + 1), [])
  return { answer: state.answer, error: isBusy && state.key !== now ? undefined : state.error, isBusy, again }
}
