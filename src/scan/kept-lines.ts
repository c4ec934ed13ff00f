// Lines of COPY that are kept until they may be used, in buffers that grow, without an object for a line.

type Line = (bytes: Buffer, start: number, end: number) => void

const pieceBytes = 256 * 1024

export class KeptLines {
  readonly #line: Line
  /** Full pieces, and the one that is being filled. The ends of the lines of each. */
  readonly #pieces: { bytes: Buffer; used: number; ends: number[] }[] = []

  /** `line` gets the lines when they are given. */
  constructor(line: Line) {
    this.#line = line
  }

  readonly keep: Line = (bytes, start, end) => {
    let piece = this.#pieces.at(-1)
    if (piece === undefined || piece.used + end - start > piece.bytes.length) {
      piece = { bytes: Buffer.allocUnsafe(Math.max(pieceBytes, end - start)), used: 0, ends: [] }
      this.#pieces.push(piece)
    }
    piece.used += bytes.copy(piece.bytes, piece.used, start, end)
    piece.ends.push(piece.used)
  }

  /** Gives all lines in their order; waits for `pieceDone` after each piece. */
  async give(pieceDone: () => void | Promise<void>): Promise<void> {
    for (const { bytes, ends } of this.#pieces) {
      let start = 0
      for (const end of ends) {
        this.#line(bytes, start, end)
        start = end
      }
      await pieceDone()
    }
    this.#pieces.length = 0
  }
}
