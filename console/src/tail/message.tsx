// One line of a live tail.

import type { TailLine } from '../../../src/server/api/answers.ts'
import { clock, msOfTimestamp, systemTime } from '../format.ts'
import { Tip } from '../ui/parts.tsx'
import type { Line } from './use-tail.ts'

export function Message({ atMs, line }: Line) {
  if (line.tag === 'notice') return <li className="notice-line">{line.text}</li>
  if (line.tag === 'end') return <li className="notice-line">{line.error ?? 'The changefeed has ended.'}</li>
  if (line.tag === 'resolved')
    return (
      <li className="resolved">
        <span className="num">{clock(atMs)}</span>
        <span>resolved</span>
        <span>
          <Tip text={systemTime(line.at)}>{line.at}</Tip>
        </span>
      </li>
    )
  const { after, updated } = readValue(line.value)
  return (
    <li>
      <span className="num">
        {updated === undefined ? clock(atMs) : <Tip text={`updated ${updated}`}>{clock(msOfTimestamp(updated))}</Tip>}
      </span>
      <span className="wrap">
        <strong>{line.table}</strong> {line.key}
      </span>
      <span className={`value ${after === null ? 'removed' : ''}`}>
        {line.value ?? 'no value'}
        {line.cut === undefined ? '' : ` … and ${line.cut} characters more`}
      </span>
    </li>
  )
}

function readValue(text: string | null): { readonly after?: unknown; readonly updated?: string } {
  try {
    const value = JSON.parse(text ?? '{}') as { after?: unknown; updated?: unknown }
    return { after: value.after, ...(typeof value.updated === 'string' ? { updated: value.updated } : {}) }
  } catch {
    return {}
  }
}

export function isShown(line: TailLine, search: string, hasResolved: boolean): boolean {
  if (line.tag === 'resolved') return hasResolved && search === ''
  if (line.tag !== 'message' || search === '') return true
  return `${line.key} ${line.value ?? ''}`.toLowerCase().includes(search.toLowerCase())
}
