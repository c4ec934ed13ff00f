// Tells what is known when a seed has failed: what to run to see it again, what the server said, and the jobs.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestServer } from '../server/test-server.ts'
import { repeatSeed } from './seeds.ts'

export interface ReportOptions {
  readonly server: TestServer
  readonly seed: number
  /** The test file, as scripts/test.ts takes it. */
  readonly file: string
  /** What was done, in order. */
  readonly said: readonly string[]
}

export async function reporting<T>({ server, seed, file, said }: ReportOptions, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const log = readFileSync(join(server.storeDir, 'logs', 'changefeed.log'), 'utf8')
    console.error(`what the server said last:\n${server.output.slice(-1000)}${log.slice(-8000)}`)
    console.error(await server.sql('SELECT * FROM crdb_internal.jobs').catch(String))
    console.error(error)
    console.error(`what was done: ${said.join(', ')}`)
    console.error(`seed ${seed} failed; to run it again:\n  ${repeatSeed(seed, file)}`)
    throw error
  }
}
