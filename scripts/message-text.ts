// What is in a topic as text: as it is, and Avro in its JSON encoding, with the schemas of a registry.

import { AvroDecoder, isAvro } from '../test/services/registry/avro-decoder.ts'

export class MessageText {
  readonly #decoder: AvroDecoder
  readonly #warn: (text: string) => void
  #hasWarned = false

  /** `warn` hears once why Avro is shown as bytes. */
  constructor(registry: string, warn: (text: string) => void) {
    this.#decoder = new AvroDecoder(registry)
    this.#warn = warn
  }

  async of(bytes: Buffer | null): Promise<string> {
    if (bytes === null) return 'null'
    if (!isAvro(bytes)) return bytes.toString()
    try {
      return (await this.#decoder.decode(bytes)).text
    } catch (error) {
      if (!this.#hasWarned) this.#warn(`Avro without its schema: ${this.#decoder.registry}: ${reason(error)}`)
      this.#hasWarned = true
      return `\\x${bytes.toString('hex')}`
    }
  }
}

/** `fetch` says only in the cause what went wrong. */
function reason(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message : message
}
