// Draws lines with uPlot, with a tooltip, a cursor that all graphs of the page share, and a span that the pointer can choose.

import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { momentText } from '../format.ts'
import { distancesOf, leastOf, showValue, type Unit } from './units.ts'
import type { Drawn } from './use-series.ts'

export interface PlotOptions {
  readonly box: HTMLElement
  readonly drawn: Drawn
  readonly fromMs: number
  readonly toMs: number
  readonly unit: Unit
  /** Called with a span that somebody has chosen with the pointer. */
  readonly chosen: (fromMs: number, toMs: number) => void
}

const colours = ['--s1', '--s2', '--s3', '--s4', '--s5', '--s6'] as const
export const manyColours = colours.length

export function plot({ box, drawn, fromMs, toMs, unit, chosen }: PlotOptions): UPlot {
  const show = (value: number): string => showValue(value, unit)
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  const axis = {
    stroke: colour('--text-3'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  return new UPlot(
    {
      width: box.clientWidth,
      height: box.clientHeight,
      tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      legend: { show: false },
      cursor: {
        sync: { key: 'console' },
        drag: { x: true, y: false, setScale: false },
        points: { size: 7 },
      },
      scales: {
        x: { time: true, range: () => [fromMs / 1000, toMs / 1000] },
        y: { range: (_u, _least, largest) => [0, (largest ?? 0) <= 0 ? leastOf(unit) : largest * 1.12] },
      },
      axes: [
        {
          ...axis,
          space: 70,
          size: toMs - fromMs > dayMs ? 44 : 30,
          values: (_u, splits) => timeTexts(splits, toMs - fromMs),
        },
        {
          ...axis,
          size: 70,
          space: 34,
          incrs: distancesOf(unit),
          values: (_u, splits) => splits.map((value) => show(value)),
        },
      ],
      series: [
        {},
        ...drawn.lines.map(({ label }, i) => {
          const stroke = colour(colours[i % manyColours] as string)
          const isAlone = drawn.lines.length === 1
          return {
            label,
            stroke,
            width: 1.7,
            spanGaps: false,
            // A value between two gaps has no line.
            points: { show: false, size: 5, fill: stroke, filter: (u: UPlot, at: number) => lonely(u.data[at] ?? []) },
            ...(isAlone ? { fill: `${stroke}1c` } : {}),
          }
        }),
      ],
      hooks: {
        setSelect: [
          (u) => {
            const { left, width } = u.select
            if (width >= 8) chosen(u.posToVal(left, 'x') * 1000, u.posToVal(left + width, 'x') * 1000)
          },
        ],
      },
      plugins: [tooltip(drawn, show)],
    },
    [drawn.times as number[], ...drawn.lines.map(({ values }) => values as (number | null)[])],
    box,
  )
}

function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = []
  for (let i = 0; i < values.length; i++)
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i)
  return found
}

const dayMs = 86_400_000

/** Hours and minutes; the day where it is another one, or where the span has many of them. */
function timeTexts(splits: readonly number[], spanMs: number): string[] {
  let day = ''
  return splits.map((seconds) => {
    const text = new Date(seconds * 1000).toISOString()
    const ofDay = text.slice(5, 10)
    const isNew = ofDay !== day
    day = ofDay
    const clock = text.slice(11, spanMs <= 600_000 ? 19 : 16)
    if (spanMs <= dayMs && (!isNew || spanMs < dayMs)) return clock
    return isNew ? `${ofDay}\n${clock}` : clock
  })
}

function tooltip({ lines }: Drawn, show: (value: number) => string): UPlot.Plugin {
  const element = document.createElement('div')
  element.className = 'tooltip'
  element.hidden = true
  return {
    hooks: {
      ready: (u) => {
        u.over.append(element)
      },
      setCursor: (u) => {
        const { idx, left = -1 } = u.cursor
        // The cursor of another graph is followed without a second tooltip.
        if (idx == null || left < 0 || !u.over.matches(':hover')) {
          element.hidden = true
          return
        }
        const list = document.createElement('ul')
        for (const [i, { label, values }] of lines.entries()) {
          const value = values[idx]
          const item = document.createElement('li')
          const swatch = document.createElement('span')
          swatch.className = `swatch c${i % manyColours}`
          const number = document.createElement('b')
          number.textContent = value == null ? 'no data' : show(value)
          item.append(swatch, label, number)
          list.append(item)
        }
        const head = document.createElement('div')
        head.textContent = momentText((u.data[0][idx] ?? 0) * 1000)
        element.replaceChildren(head, list)
        element.hidden = false
        const isRight = left > u.over.clientWidth / 2
        element.style.left = isRight ? 'auto' : `${left + 14}px`
        element.style.right = isRight ? `${u.over.clientWidth - left + 14}px` : 'auto'
        element.style.top = '8px'
      },
    },
  }
}
