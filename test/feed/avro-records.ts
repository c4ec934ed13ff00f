// Makes text of messages in Avro, one after the other: the first of a schema must ask the registry for it.

import { AvroDecoder } from '../services/registry/avro-decoder.ts'
import { keyAsJson, valueAsJson } from '../services/registry/avro-as-json.ts'

export class AvroRecords {
  readonly #decoder: AvroDecoder
  #last: Promise<void> = Promise.resolve()
  #failure: unknown

  /** `registry`: its URL. */
  constructor(registry: string) {
    this.#decoder = new AvroDecoder(registry)
  }

  /** Gives the texts to `take`, in the order of the calls. */
  read(key: Buffer | null, value: Buffer | null, take: (key: string, value: string) => void): void {
    this.#last = this.#last.then(async () => {
      try {
        const keyText = key === null ? '' : keyAsJson(await this.#decoder.decode(key))
        const valueText = value === null ? '' : valueAsJson(await this.#decoder.decode(value))
        take(keyText, valueText)
      } catch (error) {
        this.#failure ??= error
      }
    })
  }

  /** Settles when everything until now has been taken; rejects if something could not be read. */
  async done(): Promise<void> {
    await this.#last
    if (this.#failure !== undefined) throw this.#failure
  }
}
