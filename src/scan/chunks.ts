// Divides a table into ranges of pages, which several connections read in parallel.

/** Pages of 8 KiB in a range: few enough to distribute the work evenly, enough that starting a COPY takes no noticeable time. */
export const chunkPages = 1024

export interface Chunk {
  /** First page. */
  readonly from: number
  /** The first page after the range; undefined: the range extends to the end of the table. */
  readonly to: number | undefined
}

/** `pages` is the size of the table after the snapshot was taken, so that all rows of the snapshot lie in these pages. */
export function planChunks(pages: number, size = chunkPages): Chunk[] {
  const chunks: Chunk[] = []
  for (let from = 0; from === 0 || from < pages; from += size) {
    chunks.push({ from, to: from + size < pages ? from + size : undefined })
  }
  return chunks
}
