// The values of the lines of a graph, asked of the server for a span of time.

import { useEffect, useRef, useState } from 'react'
import type { ApiError } from '../api.ts'
import { pageSeries } from './ask-series.ts'
import type { Line } from './line.ts'
import { stepOf } from './span.ts'
import type { TimeRange } from './time-range.tsx'

export interface DrawnLine {
  readonly label: string
  readonly values: readonly (number | null)[]
}

export interface Drawn {
  /** Seconds since 1970, as the graphs want them. */
  readonly times: readonly number[]
  readonly lines: readonly DrawnLine[]
}

/** The last steps of a span may have no point yet. */
const freshSteps = 4
const againMs = 5000

export interface SeriesState {
  readonly drawn: Drawn | undefined
  readonly error: ApiError | undefined
}

/**
 * `isSeen`: nothing is asked while nobody sees the lines. A span that ends now moves on while an answer is under way: it is taken then, and the
 * next one asked for afterwards, because a slow server would otherwise never be waited for.
 */
export function useSeries(lines: readonly Line[], range: TimeRange, isSeen = true): SeriesState {
  const [state, setState] = useState<SeriesState>({ drawn: undefined, error: undefined })
  const latest = useRef({ lines, range })
  latest.current = { lines, range }
  /** Asks for the present span, unless that was done, or another answer is still under way. */
  const follow = useRef<() => void>(undefined)
  // They have all that counts, where the lines may be made anew at each drawing.
  const what = JSON.stringify([lines, range.preset ?? range])
  useEffect(() => {
    if (!isSeen) return
    const abort = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let asked: TimeRange | undefined
    let isUnderWay = false
    const look = (): void => {
      clearTimeout(timer)
      const { lines: wanted, range: present } = latest.current
      asked = present
      isUnderWay = true
      askAll(wanted, present, abort.signal).then(
        (drawn) => {
          if (abort.signal.aborted) return
          isUnderWay = false
          setState({ drawn, error: undefined })
          follow.current?.()
        },
        (error: ApiError) => {
          if (abort.signal.aborted) return
          isUnderWay = false
          setState((before) => ({ ...before, error }))
          // A span that stands still would not be asked for again.
          timer = setTimeout(look, againMs)
        },
      )
    }
    follow.current = () => {
      const { fromMs, toMs } = latest.current.range
      if (!isUnderWay && (fromMs !== asked?.fromMs || toMs !== asked.toMs)) look()
    }
    look()
    return () => {
      abort.abort()
      clearTimeout(timer)
      follow.current = undefined
    }
  }, [what, isSeen])
  useEffect(() => follow.current?.(), [range.fromMs, range.toMs])
  return state
}

async function askAll(lines: readonly Line[], range: TimeRange, signal: AbortSignal): Promise<Drawn> {
  const span = { from: range.fromMs, to: range.toMs, step: stepOf(range) }
  const answers = await Promise.all(
    lines.map((line) => pageSeries.ask(line.metric, { ...optionsOf(line), ...span }, signal)),
  )
  const { fromMs, stepMs } = answers[0] ?? { fromMs: range.fromMs, stepMs: stepOf(range) }
  const length = Math.max(0, ...answers.flatMap((answer) => answer?.series.map(({ values }) => values.length) ?? []))
  const drawn = lines.flatMap((line, at): DrawnLine[] => {
    const series = answers[at]?.series ?? []
    const { scale = 1, label, aggregate } = line
    const scaled = (values: readonly (number | null)[]): (number | null)[] =>
      Array.from({ length }, (_, i) => {
        const value = values[i]
        return value == null ? null : value * scale
      })
    if (aggregate !== null || series.length === 0) return [{ label, values: scaled(series[0]?.values ?? []) }]
    return series.map(({ id, values }) => ({
      label: id === undefined || id === '' ? label : lines.length === 1 ? id : `${label} ${id}`,
      values: scaled(values),
    }))
  })
  return { times: Array.from({ length }, (_, i) => (fromMs + i * stepMs) / 1000), lines: drawn }
}

function optionsOf({ downsample = 'avg', aggregate = 'sum', rate = 'none', of = 'cluster', ids }: Line) {
  return { downsample, aggregate: aggregate ?? undefined, rate, of, id: ids }
}

/** The value at the end of the span; undefined: there is none, whatever there was before. */
export function lastValue({ values }: DrawnLine): number | undefined {
  return values.slice(-freshSteps).findLast((value) => value !== null) ?? undefined
}
