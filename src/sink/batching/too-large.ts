// How errors name a message that a far end does not take for its size. Its key is a value of the row, so it is named by the time of its commit.

export interface SizedBody {
  readonly bytes: number
  timeOf(message: number): string | undefined
}

/** Returns `size=…, mvcc=…`, for a batch that is one message. */
export function sizeAndTime(body: SizedBody): string {
  const time = body.timeOf(0)
  return `size=${body.bytes}${time === undefined ? '' : `, mvcc=${time}`}`
}
