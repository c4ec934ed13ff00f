// Joins neighbouring ranges of one buffer, so that many small messages of a chunk are written in one call and not copied.

export class ByteRun {
  readonly #pass: (bytes: Buffer) => void
  #of: Buffer | undefined
  #start = 0
  #end = 0

  constructor(pass: (bytes: Buffer) => void) {
    this.#pass = pass
  }

  add(bytes: Buffer, start: number, end: number): void {
    if (this.#of === bytes && this.#end === start) {
      this.#end = end
      return
    }
    this.flush()
    this.#of = bytes
    this.#start = start
    this.#end = end
  }

  flush(): void {
    const bytes = this.#of
    if (bytes === undefined) return
    this.#of = undefined
    this.#pass(this.#start === 0 && this.#end === bytes.length ? bytes : bytes.subarray(this.#start, this.#end))
  }
}
