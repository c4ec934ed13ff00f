// For tests: ingest of a real PostgreSQL, and what its log says, as a story of rows and gaps.

import { IngestUnderTest } from './ingest-under-test.ts'
import type { TestDatabase } from './postgres-under-test.ts'
import { within } from './until.ts'
import type { LogEvent } from './read-log.ts'

export class Following extends IngestUnderTest {
  /** Rows (their first columns) and gaps, in the order of the log, of all that is committed now. */
  async story(): Promise<string[]> {
    await this.caughtUp()
    return this.events().flatMap(told)
  }

  async gap(count = 1): Promise<string> {
    await within(20_000, 'the gap', () => this.gaps.length >= count)
    return this.gaps.at(-1) ?? ''
  }
}

export function told(event: LogEvent): string[] {
  if (event.tag === 'gap') return ['gap']
  return event.tag === 'closed' ? [] : event.rows.map(({ first }) => first)
}

export async function following(db: TestDatabase): Promise<Following> {
  const all = new Following(db)
  try {
    await all.thread.ready
  } catch (error) {
    // Its thread would keep the test file from ending.
    await all[Symbol.asyncDispose]()
    throw error
  }
  return all
}

export async function slotIsFree(db: TestDatabase): Promise<void> {
  await within(10_000, 'the slot to be free', async () => {
    const active = await db.sql('SELECT FROM pg_replication_slots WHERE active AND database = current_database()')
    return active.length === 0
  })
}
