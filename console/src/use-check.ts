// Asks the server what it says to a statement, a moment after it was changed last.

import { useEffect, useState } from 'react'
import type { CheckAnswer } from '../../src/server/api/answers.ts'
import { post, type ApiError } from './api.ts'
import { useLater } from './use-later.ts'

export interface CheckState {
  readonly answer: CheckAnswer | undefined
  readonly error: ApiError | undefined
  /** What is shown is not of the present statement yet. */
  readonly isBusy: boolean
}

interface Asked {
  readonly database: string
  readonly statement: string
}

export function useCheck(asked: Asked | undefined): CheckState {
  const now = asked === undefined ? '' : JSON.stringify(asked)
  const key = useLater(now, 400)
  const [state, setState] = useState<{ key: string; answer?: CheckAnswer; error?: ApiError }>({ key: '' })
  useEffect(() => {
    if (key === '') return
    let isLate = false
    post<CheckAnswer>('changefeeds/check', JSON.parse(key) as Asked).then(
      (answer) => isLate || setState({ key, answer }),
      (error: ApiError) => isLate || setState({ key, error }),
    )
    return () => {
      isLate = true
    }
  }, [key])
  return { answer: state.answer, error: state.key === now ? state.error : undefined, isBusy: state.key !== now }
}
