// Whether the server answers, for all pages: each request says when it begins, and whether it was answered.

import { useSyncExternalStore } from 'react'

/** `slow`: a request has waited for some seconds. `down`: the last one was not answered at all. */
export type Reach = 'answers' | 'slow' | 'down'

const slowMs = 4000

let now: Reach = 'answers'
let lastAnswerMs = Date.now()
let waiting = 0
const listeners = new Set<() => void>()

function become(next: Reach): void {
  if (next === now) return
  now = next
  for (const changed of listeners) changed()
}

/** A request begins. */
export function waits(): { readonly over: () => void } {
  let isSlow = false
  const timer = setTimeout(() => {
    isSlow = true
    waiting += 1
    if (now === 'answers') become('slow')
  }, slowMs)
  return {
    over: () => {
      clearTimeout(timer)
      if (!isSlow) return
      waiting -= 1
      if (waiting === 0 && now === 'slow') become('answers')
    },
  }
}

export function answered(): void {
  lastAnswerMs = Date.now()
  if (now === 'down') become('answers')
}

export function failed(): void {
  become('down')
}

export function useReach(): Reach {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    () => now,
  )
}

/** When the server has answered last. */
export function lastAnswer(): number {
  return lastAnswerMs
}
