// Payloads as they stand in the table of jobs: as JSON, with the sink encrypted, because it may hold credentials.

import type { FeedSpec, SinkSpec } from '../core/feed-spec.ts'
import { fromJson, toJson } from './job-json.ts'
import type { JobsQuery } from './job-table.ts'
import type { JobPayload, StoredPayload } from './jobs.ts'
import type { PayloadSeal, SealedSink } from './payload-seal.ts'

interface SealedPayload extends StoredPayload {
  readonly spec: Omit<FeedSpec, 'sink'> & { readonly sink: SinkSpec | SealedSink }
}

export interface OpenedPayload {
  readonly payload: StoredPayload
  /** Throws when its credentials cannot be read. */
  readonly sink: () => SinkSpec
}

export class SealedPayloads {
  readonly #seal: PayloadSeal

  constructor(seal: PayloadSeal) {
    this.#seal = seal
  }

  /** `id`: of the job, for which alone it can be opened. */
  write(payload: JobPayload, id: string): string {
    return toJson({ ...payload, spec: { ...payload.spec, sink: this.#seal.seal(payload.spec.sink, id) } })
  }

  read(text: string, id: string): OpenedPayload {
    const payload = fromJson<SealedPayload>(text)
    return { payload, sink: () => this.#seal.unseal(payload.spec.sink, id) }
  }

  /** An earlier version wrote sinks in plain text. */
  async sealAll(query: JobsQuery): Promise<void> {
    const rows = await query(
      `SELECT job_id::text, payload FROM changefeed.jobs WHERE payload::jsonb #>> '{spec,sink,tag}' NOT IN ('null', 'sealed')`,
      [],
    )
    for (const [id, payload] of rows) {
      const sealed = this.write(fromJson<JobPayload>(payload ?? ''), id ?? '')
      await query('UPDATE changefeed.jobs SET payload = $2 WHERE job_id = $1', [id ?? '', sealed])
    }
  }
}
