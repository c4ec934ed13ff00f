// Which transfers came is held against those that the primary has at the end.
//
// A promotion may lose transfers that were committed. They need not come. Where PostgreSQL sends only what the standby has, none of
// them may come; otherwise they may have come only before a named gap, or before the feed was left. Whatever the primary has
// must have come before a resolved timestamp that is later than its commit.

import type { BankReader } from './bank-reader.ts'
import type { Keeping } from './cluster.ts'
import type { Transfers } from './transfers.ts'

export interface JudgedTransfers {
  readonly reader: Pick<BankReader, 'numbers' | 'numbersBefore' | 'resolveds'>
  readonly transfers: Pick<Transfers, 'times'>
  /** Those that the primary has at the end. */
  readonly done: ReadonlySet<number>
  /** None of them may ever come. */
  readonly unseen: ReadonlySet<number>
  readonly keeping: Keeping | undefined
}

export interface TransferVerdict {
  readonly failures: readonly string[]
  /** How many came that a promotion has lost. */
  readonly lost: number
}

export function judgeTransfers({ reader, transfers, done, unseen, keeping }: JudgedTransfers): TransferVerdict {
  // Accounts that nobody has used yet have the number 0.
  const isLost = (n: number): boolean => n > 0 && !done.has(n)
  const now = [...reader.numbers.keys()].filter(isLost)
  const before = [...reader.numbersBefore].filter(isLost)
  const failures = [
    ...now.map((n) => `transfer ${n}, which the primary does not have, came without a gap`),
    ...(keeping === 'asynchronous' ? [] : before.map((n) => `transfer ${n}, which the standby did not have, came`)),
    ...before.filter((n) => unseen.has(n)).map((n) => `transfer ${n} of a former primary came`),
    ...missing(reader, transfers, done),
  ]
  return { failures: failures.slice(0, 20), lost: before.length }
}

function* missing(
  { numbers, resolveds }: JudgedTransfers['reader'],
  { times }: JudgedTransfers['transfers'],
  done: JudgedTransfers['done'],
): Generator<string> {
  const [scan = Infinity] = resolveds
  for (const n of done) {
    const { from, to } = times.get(n) ?? { from: -Infinity, to: Infinity }
    const index = resolveds.findIndex((resolved) => resolved > to)
    // A scan shows only the last transfers of its time.
    if (from <= scan + 1 || index < 0 || (numbers.get(n) ?? Infinity) <= index) continue
    const cameAfter = numbers.get(n)
    const how = cameAfter === undefined ? 'did not come' : `came after ${resolveds[cameAfter - 1]} was resolved`
    yield `transfer ${n}, committed before ${to}, ${how}, and ${resolveds[index]} was resolved`
  }
}
