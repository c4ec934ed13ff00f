// Reads the answer of an endpoint: its status, and as much of its body as is worth it.

import type { Dispatcher } from 'undici'

export interface Answer {
  readonly status: number
  /** The `Retry-After` header. */
  readonly retryAfter: string | undefined
  /** The beginning of the body, unless the status says that the endpoint has the request. */
  readonly body: Buffer
  readonly encoding: string | undefined
}

/** How much of an answer is read that says what is wrong. A connection with a longer one is closed. */
export const maxAnswerBytes = 16 * 1024
/** And of one that takes the request. */
const maxTakenBytes = 1024 * 1024

/** Never rejects: what is missing of a body does not matter. */
export async function readAnswer(
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  signal: AbortSignal,
): Promise<Answer> {
  const retryAfter = headers['retry-after']?.toString()
  const encoding = headers['content-encoding']?.toString()
  const isDone = status >= 200 && status < 300
  const chunks: Buffer[] = []
  try {
    // Nothing in the body of an answer can change what its status says.
    if (isDone) await body.dump({ limit: maxTakenBytes, signal })
    else {
      let bytes = 0
      for await (const chunk of body as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes >= maxAnswerBytes) break
      }
    }
  } catch {
    // The connection was cut in the body, or its time is over.
  }
  return { status, retryAfter, body: Buffer.concat(chunks).subarray(0, maxAnswerBytes), encoding }
}
