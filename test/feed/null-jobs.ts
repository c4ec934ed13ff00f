// Jobs whose messages nobody reads, for tests of jobs themselves.

import type { TestServer } from '../server/test-server.ts'
import { TestJob, type JobRow } from './test-job.ts'

export interface NullJobs {
  job(id: string): Promise<JobRow>
  /** Gives the id of the new job. */
  create(options?: string, table?: string): Promise<string>
  reaches(id: string, status: string): Promise<JobRow>
}

/** `server` is there once the tests run. */
export function nullJobs(server: () => TestServer): NullJobs {
  return {
    job: (id) => new TestJob(server(), id).row(),
    async create(options = '', table = 't') {
      const [row] = await server().sql(`CREATE CHANGEFEED FOR TABLE ${table} INTO 'null://' ${options}`)
      return String(row?.['job_id'])
    },
    reaches: (id, status) => new TestJob(server(), id).reaches(status),
  }
}
