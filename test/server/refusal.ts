// The error of a statement that must be refused.

import assert from 'node:assert/strict'
import type { TestServer } from './test-server.ts'

export interface Refusal {
  readonly message: string
  readonly hint?: string
}

export function refusalOf(server: TestServer, statement: string): Promise<Refusal> {
  return server.sql(statement).then(
    () => assert.fail(`${statement} was not refused`),
    (error: unknown) => error as Error & Refusal,
  )
}
