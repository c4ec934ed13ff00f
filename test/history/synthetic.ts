// Histories and streams for the validators' own tests: a few transactions written as text, and the messages that a
// faithful feed gives for them.

import type { RowNote } from '../validators/validator.ts'
import { History } from './history.ts'
import { ledgerTable, type Reach } from './schema-ledger.ts'
import { parseTransactions, type DecodedLine } from './test-decoding.ts'
import { TransactionTimes } from './transaction-times.ts'

export const baseWall = 1_795_000_000_000_000_000n

/**
 * Each transaction: lines of test_decoding without `table public.`; its number is its tag and its second. One that begins with
 * `untagged` has no tag.
 */
export function historyOf(transactions: readonly (readonly string[])[]): History {
  const lines: DecodedLine[] = []
  for (const [index, changes] of transactions.entries()) {
    const n = index + 1
    const at = new Date(Number(baseWall / 1_000_000n) + n * 1000).toISOString().replace('T', ' ').replace('Z', '+00')
    const data = [
      `BEGIN ${n}`,
      ...changes.filter((change) => change !== untagged).map((change) => `table public.${change}`),
      ...(changes[0] === untagged ? [] : [`table public.txn_tags: INSERT: n[bigint]:${n}`]),
      `COMMIT ${n} (at ${at})`,
    ]
    lines.push(...data.map((text) => ({ lsn: '0/0', data: text })))
  }
  const history = new History({ foo: ['id'], txn_tags: ['n'] })
  for (const transaction of parseTransactions(lines)) history.append(transaction)
  return history
}

export const untagged = 'untagged'

/** The ledger's row of a DDL of `foo`. */
export function ddl(reach: Reach, columns: Readonly<Record<string, string>>, content: string, isFull = false): string {
  const shape = JSON.stringify({ isFull, columns: Object.entries(columns) })
  return `${ledgerTable}: INSERT: n[bigint]:1 tbl[text]:'foo' reach[text]:'${reach}' shape[text]:'${shape}' content[text]:'${content}'`
}

export const at = (n: number): RowNote['updated'] => ({ wall: baseWall + BigInt(n) * 1_000_000_000n, logical: 0 })

export function row(n: number, id: number, after: string, before?: string): RowNote {
  const value = before === undefined ? `{"after": ${after}}` : `{"after": ${after}, "before": ${before}}`
  return { partition: '', topic: 'foo', key: `[${id}]`, value, updated: at(n) }
}

/** The message of a transaction's tag, `time` seconds after the base. */
export function tag(n: number, time = n): RowNote {
  return { partition: '', topic: 'txn_tags', key: `[${n}]`, value: `{"after": {"n": ${n}}}`, updated: at(time) }
}

export function timesOf(history: History, tags: readonly RowNote[], initialScan = false): TransactionTimes {
  return new TransactionTimes(history, tags, { initialScan, resolved: at(tags.length) })
}
