// Reads and writes payloads in the table of jobs. The sink and the registry in them are encrypted, because they may contain
// credentials.

import type { RegistrySpec, SinkSpec } from '../core/feed-spec.ts'
import type { State } from '../core/state.ts'
import type { JobPayload, StoredPayload } from './jobs.ts'
import { readPayload, writePayload } from './payload-record.ts'
import { isSealed, type PayloadSeal } from './payload-seal.ts'
import { isReadable } from './record-version.ts'

export interface OpenedPayload {
  readonly payload: StoredPayload
  /** Decrypts the sink; throws if its credentials cannot be read. */
  readonly sink: () => SinkSpec
  /** The same for the schema registry; undefined: there is none. */
  readonly registry: () => RegistrySpec | undefined
}

export class SealedPayloads {
  readonly #seal: PayloadSeal

  constructor(seal: PayloadSeal) {
    this.#seal = seal
  }

  /** `id` is the id of the job; the sink can be decrypted only together with it. */
  write(payload: JobPayload, id: string): string {
    const { spec, onError } = payload
    const sink = this.#seal.seal(spec.sink, id)
    const registry = spec.registry && this.#seal.sealRegistry(spec.registry, id)
    return writePayload({ spec: { ...spec, sink, registry }, onError })
  }

  read(text: string, id: string): OpenedPayload {
    const payload = readPayload(text, id)
    const { sink, registry } = payload.spec
    return {
      payload,
      sink: () => this.#seal.unseal(sink, id),
      registry: () => registry && this.#seal.unsealRegistry(registry, id),
    }
  }

  /** The sink of a payload; undefined when its credentials cannot be read, which is an error when the job is run. */
  sinkTag(text: string, id: string): string | undefined {
    try {
      return this.read(text, id).sink().tag
    } catch {
      return undefined
    }
  }

  /** Encrypts the sinks that an earlier version of the program wrote in plain text. */
  async sealAll({ query, schema }: State): Promise<void> {
    const rows = await query(
      `SELECT job_id::text, payload FROM ${schema}.jobs
       WHERE (payload::jsonb #> '{spec,sink}') - 'tag' - 'key' <> '{}' AND payload::jsonb #>> '{spec,sink,tag}' <> 'sealed' AND ${isReadable}`,
      [],
    )
    for (const [jobId, text] of rows) {
      const id = jobId ?? ''
      const payload = readPayload(text ?? '', id)
      const { sink } = payload.spec
      if (isSealed(sink)) continue
      const sealed = writePayload({ ...payload, spec: { ...payload.spec, sink: this.#seal.seal(sink, id) } })
      await query(`UPDATE ${schema}.jobs SET payload = $2 WHERE job_id = $1`, [id, sealed])
    }
  }
}
