import { late, orLate } from '../../src/async/or-late.ts'
import { howPatient, patience } from './patience.ts'

/** Settles as the promise does, or rejects when that has not settled in time, which is longer on a machine that is slow or busy. */
export async function settlesWithin<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const startedAt = Date.now()
  for (;;) {
    const times = patience()
    const left = startedAt + ms * times - Date.now()
    if (left < 0) throw new Error(`not within ${ms} ms: ${what}${howPatient(times)}`)
    const answer = await orLate(promise, left)
    if (answer !== late) return answer
  }
}
