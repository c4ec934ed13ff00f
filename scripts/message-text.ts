// What is in a topic as text: as it is, and Avro in its JSON encoding, with the schemas of a registry.

import { isAvro, RegisteredTypes, valueOf } from '../test/services/registry/registered-types.ts'

export class MessageText {
  readonly #registry: string
  readonly #types: RegisteredTypes
  readonly #warn: (text: string) => void
  #hasWarned = false

  /** `warn` hears once why Avro is shown as bytes. */
  constructor(registry: string, warn: (text: string) => void) {
    this.#registry = registry
    this.#types = new RegisteredTypes(registry, true)
    this.#warn = warn
  }

  async of(bytes: Buffer | null): Promise<string> {
    if (bytes === null) return 'null'
    if (!isAvro(bytes)) return bytes.toString()
    try {
      const type = await this.#types.of(bytes)
      return type.toString(valueOf(type, bytes))
    } catch (error) {
      if (!this.#hasWarned) this.#warn(`Avro without its schema: ${this.#registry}: ${reason(error)}`)
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
