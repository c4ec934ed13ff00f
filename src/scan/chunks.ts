// A table cut into runs of pages that several connections read side by side.

/** Pages of 8 KiB: small enough to share out evenly, large enough that starting a COPY does not count. */
export const chunkPages = 1024

export interface Chunk {
  /** First page. */
  readonly from: number
  /** First page behind it; undefined: to the end of the table. */
  readonly to: number | undefined
}

/** `pages`: size of the table once the snapshot existed; what the snapshot sees lies in them. */
export function planChunks(pages: number, size = chunkPages): Chunk[] {
  const chunks: Chunk[] = []
  for (let from = 0; from === 0 || from < pages; from += size) {
    chunks.push({ from, to: from + size < pages ? from + size : undefined })
  }
  return chunks
}
