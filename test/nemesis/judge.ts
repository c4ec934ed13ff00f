// What came, held against an independent reading of the WAL by every validator.

import { formatHlc, type Hlc } from '../../src/core/hlc.ts'
import type { History } from '../history/history.ts'
import { tagTable } from '../history/placed-transactions.ts'
import { TransactionTimes } from '../history/transaction-times.ts'
import { BackfillValidator, type SchemaOptions } from '../validators/backfill.ts'
import { CompletenessValidator } from '../validators/completeness.ts'
import { CompositeValidator } from '../validators/composite.ts'
import { FingerprintValidator } from '../validators/fingerprint.ts'
import { ForTopicValidator } from '../validators/for-topic.ts'
import { KeyInValueValidator } from '../validators/key-in-value.ts'
import { MvccTimestampValidator } from '../validators/mvcc-timestamp.ts'
import { OrderValidator } from '../validators/order.ts'
import { SchemaValidator } from '../validators/schema.ts'
import { TimeTravelValidator } from '../validators/time-travel.ts'
import { TopicValidator } from '../validators/topic.ts'
import type { RowNote, Validator } from '../validators/validator.ts'

/** A consumer that keeps all that it gets. */
export interface Collected {
  rows(): RowNote[]
  /** Of all partitions. */
  readonly resolved: Hlc
  readonly partitions: readonly string[]
  /** Shows a validator all that came, in the order of arrival. */
  replay(validator: Validator): void
}

export interface FeedFacts extends SchemaOptions {
  readonly database: string
  readonly full_table_name: boolean
  readonly diff: boolean
  readonly mvcc_timestamp: boolean
  readonly key_in_value: boolean
  readonly isAvro: boolean
}

export interface Verdict {
  readonly failures: readonly string[]
  readonly summary: string
  readonly times: TransactionTimes
  /** Backfills of `foo` of which something came. */
  readonly backfills: number
  /** Transactions that came behind the initial scan. */
  readonly streamed: number
}

export function topicOf(table: string, { database, full_table_name: isFull }: FeedFacts): string {
  return isFull ? `${database}.public.${table}` : table
}

export function judge(history: History, collected: Collected, facts: FeedFacts): Verdict {
  const rows = collected.rows()
  const judged = ['foo', tagTable] as const
  const named = judged.flatMap((table) =>
    rows.flatMap((note) => (note.topic === topicOf(table, facts) ? [{ ...note, topic: table }] : [])),
  )
  const times = new TransactionTimes(history, named, { initialScan: true, resolved: collected.resolved })
  const { policy, events } = facts
  const { partitions } = collected
  const backfills = new BackfillValidator({ times, table: 'foo', partitions, policy, events })
  const ofTable = (table: string): Validator => {
    const ofChanged = table === 'foo' ? backfills : undefined
    const members: Validator[] = [
      new TimeTravelValidator({
        history: times,
        table,
        diff: facts.diff,
        scanTs: times.scanTs,
        hasNulls: facts.isAvro,
      }),
      new FingerprintValidator({ history: times, table, partitions }),
      new CompletenessValidator(times, table, ofChanged),
      new SchemaValidator(times, table),
      new TopicValidator(facts.full_table_name ? { table, database: facts.database } : { table }),
    ]
    if (facts.key_in_value) members.push(new KeyInValueValidator())
    if (facts.mvcc_timestamp) members.push(new MvccTimestampValidator())
    return new ForTopicValidator(topicOf(table, facts), new CompositeValidator(members))
  }
  const validator = new CompositeValidator([
    new OrderValidator({ strict: true }),
    ofTable('foo'),
    ofTable(tagTable),
    new ForTopicValidator(topicOf('foo', facts), backfills),
  ])
  collected.replay(validator)
  const failures = [...times.failures(), ...validator.failures()]
  return {
    failures,
    times,
    backfills: backfills.backfills,
    summary: `${rows.length} messages, scan at ${times.scanTs === undefined ? '-' : formatHlc(times.scanTs)}, ${backfills.backfills} backfills of ${backfills.repeated} rows, ${backfills.excused} rows not repeated`,
    streamed: times.streamed.length,
  }
}
