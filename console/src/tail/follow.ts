// Reads the stream of a live tail.

import type { TailLine } from '../../../src/server/api/answers.ts'
import { ApiError, openLines, unreachable } from '../api.ts'

export interface FollowOptions {
  readonly id: string
  readonly hasScan: boolean
  readonly signal: AbortSignal
  readonly take: (lines: readonly TailLine[]) => void
  readonly begun: () => void
  readonly gate: () => Promise<void> | undefined
}

/** Returns why the changefeed has ended; undefined: it has come to its end. Throws if the connection breaks. */
export async function follow({ id, hasScan, signal, take, begun, gate }: FollowOptions): Promise<ApiError | undefined> {
  const stream = await openLines(`jobs/${id}/messages`, { scan: hasScan ? 'yes' : undefined }, signal)
  begun()
  const reader = stream.getReader()
  let rest = ''
  for (;;) {
    await gate()
    const { done, value } = await reader.read().catch((error: unknown) => {
      if (signal.aborted) throw error
      throw unreachable()
    })
    // Without a last line that says why, the server is gone.
    if (done) throw unreachable()
    const texts = (rest + value).split('\n')
    rest = texts.pop() ?? ''
    const batch = texts.filter((text) => text !== '').map((text) => JSON.parse(text) as TailLine)
    if (batch.length > 0) take(batch)
    const end = batch.find((line) => line.tag === 'end')
    if (end !== undefined) return end.error === undefined ? undefined : errorOf({ ...end, error: end.error })
  }
}

/** The server closes the connection of a changefeed without a word when it stops. */
function errorOf(answer: ApiError['answer']): ApiError {
  return new ApiError(answer.sqlstate === undefined ? 503 : 500, answer)
}
