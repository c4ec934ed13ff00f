// One line of a live tail.

import { useState } from 'react'
import type { TailLine } from '../../../src/server/api/answers.ts'
import { clock, count, msOfTimestamp } from '../format.ts'
import { Hint, Tip } from '../ui/parts.tsx'
import type { Line } from './use-tail.ts'

/** Longer values are shortened until somebody wants to see all. */
const shownCharacters = 600

export function Message({ atMs, line }: Line) {
  if (line.tag === 'notice')
    return (
      <li className="notice-line">
        {line.text}
        <Hint text={line.hint} />
      </li>
    )
  if (line.tag !== 'message') return null
  const { isRemoved, updated } = readValue(line.value)
  return (
    <li>
      <span className="num">
        {updated === undefined ? clock(atMs) : <Tip text={`updated ${updated}`}>{clock(msOfTimestamp(updated))}</Tip>}
      </span>
      <span className="wrap">
        <strong>{line.table}</strong> {line.key}
      </span>
      <Value text={line.value} cut={line.cut} isRemoved={isRemoved} />
    </li>
  )
}

interface ValueProps {
  readonly text: string | null
  readonly cut: number | undefined
  readonly isRemoved: boolean
}

function Value({ text, cut, isRemoved }: ValueProps) {
  const [isWhole, setWhole] = useState(false)
  const isLong = text !== null && text.length > shownCharacters
  return (
    <span className={`value ${isRemoved ? 'removed' : ''}`}>
      {isLong && !isWhole ? `${text.slice(0, shownCharacters)} … ` : (text ?? 'no value')}
      {cut === undefined || !(isWhole || !isLong) ? '' : ` … and ${count(cut)} bytes more, which the server left out `}
      {isLong ? (
        <button type="button" className="link" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show less' : `Show all ${count(text.length)} characters`}
        </button>
      ) : null}
    </span>
  )
}

function readValue(text: string | null): { readonly isRemoved: boolean; readonly updated?: string } {
  try {
    const value = JSON.parse(text ?? '{}') as { after?: unknown; updated?: unknown }
    return { isRemoved: value.after === null, ...(typeof value.updated === 'string' ? { updated: value.updated } : {}) }
  } catch {
    return { isRemoved: false }
  }
}

export function isShown(line: TailLine, search: string): boolean {
  if (line.tag !== 'message' || search === '') return true
  return `${line.key} ${line.value ?? ''}`.toLowerCase().includes(search.toLowerCase())
}
