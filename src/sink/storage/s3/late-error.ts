// S3 answers a request to complete an upload before it knows whether it can: an error may follow in the body of a success. The library
// takes it for an answer of 503, which nobody has sent, and does not see it when a line end follows.

import { buffer } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import type { CompleteMultipartUploadCommand } from '@aws-sdk/client-s3'

/** What an error thrown by the library has in addition, if S3 had answered with a success. */
export interface LateError extends Error {
  readonly answeredStatus?: number
}

interface Answer {
  readonly statusCode: number
  body: Readable | Uint8Array
}

/** Makes the library see the error in a body. Returns the function that marks what it then throws. */
export function seeLateErrors(command: CompleteMultipartUploadCommand): (thrown: unknown) => void {
  let status: number | undefined
  command.middlewareStack.add(
    (next) => async (args) => {
      status = undefined
      const result = await next(args)
      const answer = result.response as Answer
      const { statusCode, body } = answer
      if (statusCode < 200 || statusCode >= 300) return result
      const bytes = body instanceof Uint8Array ? body : await buffer(body)
      answer.body = bytes.subarray(0, endOf(bytes))
      status = statusCode
      return result
    },
    // With this priority it sees the answer before the library does.
    { step: 'deserialize', priority: 'low', name: 'late errors' },
  )
  return (thrown) => {
    const { $metadata } = thrown as { readonly $metadata?: { readonly httpStatusCode?: number } }
    if (status === undefined || $metadata?.httpStatusCode !== 503) return
    Object.assign(thrown as Error, { answeredStatus: status })
  }
}

/** Where the text ends, without the blanks and line ends after it. */
function endOf(bytes: Uint8Array): number {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] as number) <= 0x20) end -= 1
  return end
}
