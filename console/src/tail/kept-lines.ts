// The lines that a live tail keeps, the newest first: so many that a page which is open for days does not grow.

import type { TailLine } from '../../../src/server/api/answers.ts'

export interface Line {
  readonly number: number
  readonly atMs: number
  readonly line: TailLine
}

/** Older lines are forgotten. */
const mostLines = 500
/** A value may have 65,536 of them. */
const mostCharacters = 4_000_000
const mostResolved = 50

export interface Kept {
  readonly lines: readonly Line[]
  /** Apart from the others, because there is one each second, whatever happens to the tables. */
  readonly resolved: readonly Line[]
  /** How many messages there were. */
  readonly messages: number
  /** How many lines there were of all kinds. */
  readonly all: number
}

export const nothingKept: Kept = { lines: [], resolved: [], messages: 0, all: 0 }

export function keep(before: Kept, batch: readonly TailLine[], atMs: number): Kept {
  const fresh = batch.map((line, i): Line => ({ number: before.all + i + 1, atMs, line })).toReversed()
  const isResolved = ({ line }: Line): boolean => line.tag === 'resolved'
  const others = fresh.filter(({ line }) => line.tag === 'message' || line.tag === 'notice')
  return {
    lines: others.length === 0 ? before.lines : newest([...others, ...before.lines]),
    resolved: [...fresh.filter(isResolved), ...before.resolved].slice(0, mostResolved),
    messages: before.messages + batch.filter(({ tag }) => tag === 'message').length,
    all: before.all + batch.length,
  }
}

function newest(lines: readonly Line[]): readonly Line[] {
  let characters = 0
  const end = lines.findIndex(({ line }, i) => {
    characters += line.tag === 'message' ? line.key.length + (line.value?.length ?? 0) : 0
    return i >= mostLines || (i > 0 && characters > mostCharacters)
  })
  return end < 0 ? lines : lines.slice(0, end)
}
