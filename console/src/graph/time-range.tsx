// The span of time that graphs show. It is in the address: a preset that ends now, or a beginning and an end.

import { useEffect, useState } from 'react'
import { momentText } from '../format.ts'
import { setParameters, useRoute } from '../route.ts'
import { Icon } from '../ui/icon.tsx'
import { Menu } from '../ui/menu.tsx'
import { moveMs, spanIn, type Span } from './span.ts'

export interface TimeRange extends Span {
  /** The preset that ends now; undefined: the span stands still. */
  readonly preset: string | undefined
}

const minute = 60_000
const presets: readonly (readonly [name: string, label: string, ms: number])[] = [
  ['10m', '10 min', 10 * minute],
  ['1h', '1 h', 60 * minute],
  ['6h', '6 h', 360 * minute],
  ['1d', '1 d', 1440 * minute],
  ['3d', '3 d', 3 * 1440 * minute],
  ['7d', '7 d', 7 * 1440 * minute],
]
const usual = '1h'
const pointMs = 10_000

/** The span in the address. One that ends now moves on. */
export function useTimeRange(): TimeRange {
  const { parameters } = useRoute()
  const [nowMs, setNow] = useState(() => rounded(Date.now()))
  const span = spanIn(parameters)
  const isFixed = span !== undefined
  const wanted = parameters.get('range') ?? usual
  const [preset, , length] = presets.find(([name]) => name === wanted) ?? [usual, '', 60 * minute]
  const everyMs = moveMs(length)
  useEffect(() => {
    if (isFixed) return
    const timer = setInterval(() => {
      if (!document.hidden) setNow(rounded(Date.now()))
    }, everyMs)
    setNow(rounded(Date.now()))
    return () => clearInterval(timer)
  }, [isFixed, everyMs])
  if (span !== undefined) return { ...span, preset: undefined }
  return { fromMs: nowMs - length, toMs: nowMs, preset }
}

function rounded(ms: number): number {
  return Math.ceil(ms / pointMs) * pointMs
}

export function showSpan(fromMs: number, toMs: number): void {
  setParameters({ from: String(Math.round(fromMs)), to: String(Math.round(toMs)), range: undefined }, false)
}

function showPreset(name: string): void {
  setParameters({ range: name === usual ? undefined : name, from: undefined, to: undefined }, false)
}

export function TimeRangePicker({ range }: { readonly range: TimeRange }) {
  const { fromMs, toMs, preset } = range
  const length = toMs - fromMs
  const nowMs = Date.now()
  return (
    <div className="row" role="group" aria-label="Time range">
      <div className="group">
        {presets.map(([name, label]) => (
          <button key={name} type="button" aria-pressed={preset === name} onClick={() => showPreset(name)}>
            {label}
          </button>
        ))}
      </div>
      <Menu label="Custom">
        <Custom key={preset ?? `${fromMs} ${toMs}`} range={range} />
      </Menu>
      <div className="group">
        <button type="button" aria-label="Previous time range" onClick={() => showSpan(fromMs - length, fromMs)}>
          <Icon name="left" size={16} />
        </button>
        <button
          type="button"
          aria-label="Next time range"
          disabled={toMs >= nowMs}
          onClick={() => (toMs + length >= nowMs ? showPreset(nearest(length)) : showSpan(toMs, toMs + length))}
        >
          <Icon name="right" size={16} />
        </button>
        <button type="button" aria-pressed={preset !== undefined} onClick={() => showPreset(preset ?? nearest(length))}>
          Now
        </button>
      </div>
      {preset === undefined ? (
        <span className="small muted num">
          {momentText(fromMs)} – {momentText(toMs)} (UTC)
        </span>
      ) : null}
    </div>
  )
}

function nearest(length: number): string {
  return (presets.find(([, , ms]) => ms >= length) ?? presets.at(-1))?.[0] ?? usual
}

function Custom({ range }: { readonly range: TimeRange }) {
  const [from, setFrom] = useState(inputText(range.fromMs))
  const [to, setTo] = useState(inputText(range.toMs))
  const [fromMs, toMs] = [Date.parse(`${from}Z`), Date.parse(`${to}Z`)]
  return (
    <div>
      <label className="field">
        <span>From (UTC)</span>
        <input type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />
      </label>
      <label className="field">
        <span>To (UTC)</span>
        <input type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} />
      </label>
      <button
        type="button"
        className="button primary"
        disabled={!(toMs > fromMs)}
        onClick={() => showSpan(fromMs, toMs)}
      >
        Show
      </button>
    </div>
  )
}

function inputText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16)
}
