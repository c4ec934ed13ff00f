import { late, orLate } from '../../src/async/or-late.ts'

/** Settles as the promise does, or rejects when that has not settled in time. */
export async function settlesWithin<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const answer = await orLate(promise, ms)
  if (answer === late) throw new Error(`not within ${ms} ms: ${what}`)
  return answer
}
