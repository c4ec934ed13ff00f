// Makes text of messages in Avro, one after the other: the first of a schema must ask the registry for it.

import { AvroDecoder, type Decoded } from '../services/registry/avro-decoder.ts'
import { keyAsJson, valueAsJson } from '../services/registry/avro-as-json.ts'

export class AvroRecords {
  readonly #decoder: AvroDecoder
  readonly #asAvro: boolean
  #last: Promise<void> = Promise.resolve()
  #failure: unknown

  /** `registry`: its URL. `asAvro`: the texts are in Avro's JSON encoding, and not those of a feed in JSON. */
  constructor(registry: string, asAvro = false) {
    this.#decoder = new AvroDecoder(registry)
    this.#asAvro = asAvro
  }

  /** Gives the texts to `take`, in the order of the calls. */
  read(key: Buffer | null, value: Buffer | null, take: (key: string, value: string) => void): void {
    this.#last = this.#last.then(async () => {
      try {
        take(await this.#text(key, keyAsJson), await this.#text(value, valueAsJson))
      } catch (error) {
        this.#failure ??= error
      }
    })
  }

  async #text(bytes: Buffer | null, asJson: (decoded: Decoded) => string): Promise<string> {
    // On a connection, no value is an empty one.
    if (bytes === null || bytes.length === 0) return ''
    const decoded = await this.#decoder.decode(bytes)
    return this.#asAvro ? decoded.text : asJson(decoded)
  }

  /** Settles when everything until now has been taken; rejects if something could not be read. */
  async done(): Promise<void> {
    await this.#last
    if (this.#failure !== undefined) throw this.#failure
  }
}
