// A job as a test sees it: what its row in the table of jobs says, and the statements that control it.

import type { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000

export interface JobRow {
  readonly job_id: string
  readonly status: string
  readonly running_status: string | null
  readonly description: string
  readonly error: string
  readonly high_water_timestamp: string | null
  readonly fraction_completed: number | null
}

export class TestJob {
  readonly id: string
  readonly #server: TestServer

  constructor(server: TestServer, id: string) {
    this.#server = server
    this.id = id
  }

  async row(): Promise<JobRow> {
    const [row] = await this.#server.sql(`SELECT * FROM crdb_internal.jobs WHERE job_id = ${this.id}`)
    if (row === undefined) throw new Error(`there is no job ${this.id}`)
    return row as unknown as JobRow
  }

  async reaches(status: string): Promise<JobRow> {
    return this.until(`the job is ${status}`, (row) => row.status === status)
  }

  /** Waits until its row is as `holds` says. */
  async until(what: string, holds: (row: JobRow) => boolean): Promise<JobRow> {
    return until(what, withinMs, async () => {
      const row = await this.row()
      return holds(row) ? row : undefined
    })
  }

  async pause(): Promise<void> {
    await this.#server.sql(`PAUSE JOB ${this.id}`)
  }

  async resume(): Promise<void> {
    await this.#server.sql(`RESUME JOB ${this.id}`)
  }

  async cancel(): Promise<void> {
    await this.#server.sql(`CANCEL JOB ${this.id}`)
  }
}
