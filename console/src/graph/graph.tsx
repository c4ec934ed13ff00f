// A graph with its title, its lines, and their last values in words.

import { useEffect, useId, useRef } from 'react'
import { onTheme } from '../theme.ts'
import { Hint } from '../ui/parts.tsx'
import { useSeen } from '../use-seen.ts'
import type { Line } from './line.ts'
import { manyColours, plot } from './plot.ts'
import { showSpan, type TimeRange } from './time-range.tsx'
import { showValue, type Unit } from './units.ts'
import { lastValue, useSeries } from './use-series.ts'

export interface GraphProps {
  readonly title: string
  readonly note?: string | undefined
  readonly about?: string | undefined
  readonly unit: Unit
  readonly lines: readonly Line[]
  readonly range: TimeRange
}

/** More lines are not written below a graph. */
const namedLines = 12

export function Graph({ title, note, about, unit, lines, range }: GraphProps) {
  const box = useRef<HTMLDivElement>(null)
  const id = useId()
  const { drawn, error } = useSeries(lines, range, useSeen(box))
  const hasData = drawn?.lines.some(({ values }) => values.some((value) => value !== null)) === true
  const { fromMs, toMs } = range
  useEffect(() => {
    const element = box.current
    if (element === null || drawn === undefined) return
    const draw = () => plot({ box: element, drawn, fromMs, toMs, unit, chosen: showSpan })
    let shown = draw()
    const forget = onTheme(() => {
      shown.destroy()
      shown = draw()
    })
    const resized = new ResizeObserver(() =>
      shown.setSize({ width: element.clientWidth, height: element.clientHeight }),
    )
    resized.observe(element)
    return () => {
      forget()
      resized.disconnect()
      shown.destroy()
    }
    // A new answer comes with each span.
  }, [drawn, unit])
  const latest = drawn?.lines.map((line) => ({ label: line.label, value: lastValue(line) }))
  return (
    <figure className="card graph" aria-labelledby={id}>
      <figcaption>
        <h2 id={id} title={about}>
          {title}
        </h2>
        {note === undefined ? null : <span className="small muted">{note}</span>}
      </figcaption>
      <div className={`plot ${error === undefined ? '' : 'stale'}`} ref={box}>
        {hasData ? null : (
          <div className="none">
            {error !== undefined ? (
              <div>
                {error.message}
                {error.isUnreachable ? null : <Hint text={error.answer.hint} />}
              </div>
            ) : drawn === undefined ? (
              <span>Loading …</span>
            ) : (
              <span>No data points in this time range</span>
            )}
          </div>
        )}
      </div>
      <ul className="legend" aria-label={`Last values of ${title}`}>
        {latest?.slice(0, namedLines).map(({ label, value }, i) => (
          <li key={label}>
            <span className={`swatch c${i % manyColours}`} />
            {label}
            <strong className="num">{value == null ? '–' : showValue(value, unit)}</strong>
          </li>
        ))}
        {latest !== undefined && latest.length > namedLines ? <li>and {latest.length - namedLines} more</li> : null}
      </ul>
    </figure>
  )
}
