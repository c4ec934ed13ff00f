// The values of the lines of a graph, asked of the server for a span of time.

import { useEffect, useState } from 'react'
import type { SeriesAnswers } from '../../../src/server/api/answers.ts'
import { get, type ApiError } from '../api.ts'
import type { Line } from './line.ts'
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

const pointMs = 10_000
/** The last steps of a span may have no point yet. */
const freshSteps = 4
const againMs = 5000
const wantedPoints = 360

export function stepOf({ fromMs, toMs }: Pick<TimeRange, 'fromMs' | 'toMs'>): number {
  return Math.max(1, Math.ceil((toMs - fromMs) / wantedPoints / pointMs)) * pointMs
}

export interface SeriesState {
  readonly drawn: Drawn | undefined
  readonly error: ApiError | undefined
}

/** `isSeen`: nothing is asked while nobody sees the lines. */
export function useSeries(lines: readonly Line[], range: TimeRange, isSeen = true): SeriesState {
  const [state, setState] = useState<SeriesState>({ drawn: undefined, error: undefined })
  const [turn, setTurn] = useState(0)
  // It has all that counts, where the lines may be made anew at each drawing.
  const key = JSON.stringify([lines, range])
  useEffect(() => {
    if (!isSeen) return
    const abort = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    askAll(lines, range, abort.signal).then(
      (drawn) => {
        if (!abort.signal.aborted) setState({ drawn, error: undefined })
      },
      (error: ApiError) => {
        if (abort.signal.aborted) return
        setState((before) => ({ ...before, error }))
        // A span that stands still would not be asked for again.
        timer = setTimeout(() => setTurn((n) => n + 1), againMs)
      },
    )
    return () => {
      abort.abort()
      clearTimeout(timer)
    }
  }, [key, isSeen, turn])
  return state
}

async function askAll(lines: readonly Line[], range: TimeRange, signal: AbortSignal): Promise<Drawn> {
  const groups = Map.groupBy(lines, (line) => JSON.stringify(optionsOf(line)))
  const answers = await Promise.all(
    [...groups.values()].map(async (group) => {
      const [first] = group
      const asked = {
        ...(first === undefined ? {} : optionsOf(first)),
        name: [...new Set(group.map(({ metric }) => metric))],
        from: range.fromMs,
        to: range.toMs,
        step: stepOf(range),
      }
      const { answers: found } = await get<SeriesAnswers>('series', asked, signal)
      return group.map((line) => ({ line, answer: found.find(({ name }) => name === line.metric) }))
    }),
  )
  const all = answers.flat()
  const { fromMs, stepMs } = all[0]?.answer ?? { fromMs: range.fromMs, stepMs: stepOf(range) }
  const length = Math.max(0, ...all.flatMap(({ answer }) => answer?.series.map(({ values }) => values.length) ?? []))
  const drawn = lines.flatMap((line): DrawnLine[] => {
    const series = all.find((one) => one.line === line)?.answer?.series ?? []
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
