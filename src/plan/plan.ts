// Makes a FeedSpec of a parsed CREATE CHANGEFEED, or throws the error that matters most.
//
// Planning is pure: the caller passes the time, the rights and whatever else is needed as values. Because only the database
// can resolve the names of targets, planning has two halves, and the caller asks the catalogue in between:
//
//   const opening = openPlan(statement, context)
//   const catalogue = await resolveTargets(statement.targets, context.database, queryIn)
//   const plan = closePlan(opening, catalogue)
//
// The order of the checks is the contract: a statement with several faults reports the first in this order, the order
// CockroachDB has. It is kept here and nowhere else:
//
//   1. INTO with nothing in it; names of options, then their values
//   2. the settings that allow changefeeds
//   3. the values of cursor and end_time
//   4. targets: all are found and named once; then each can be watched, by this user
//   5. options that do not go together; end_time against the time of the statement
//   6. whether the sink carries the format, what the encoder needs, then metrics_label
//   7. the sink: its scheme, the options it takes, its parameters and its configuration
//   8. whatever is valid and not built
//   9. the URL of the schema registry and the prefix of its subjects
//
// After that the caller connects to the sink and watches the tables. Planning connects to no sink and changes nothing in the
// database: the caller runs the statements in `tableChanges` before it starts the feed.

import type { FeedSpec } from '../core/feed-spec.ts'
import type { CreateChangefeed } from '../sql/ast.ts'
import type { Catalogue, TargetFacts } from './catalogue.ts'
import { identityChanges as changesOf, type IdentityChange } from './identity.ts'
import { keyChange, keyNotice, keySql, withKey } from './key-change.ts'
import { sinkSpec, specOf, targetsOf } from './make-spec.ts'
import { checkMetricsLabel } from './metrics-label.ts'
import { noticesOf } from './notices.ts'
import { checkEncoder } from './format-relations.ts'
import { checkBuilt, checkFormatOfSink, checkRelations, checkSink } from './option-relations.ts'
import type { PlanContext } from './plan-context.ts'
import { checkPrerequisites } from './prerequisites.ts'
import { readOptions, readSink, type WrittenOptions } from './read-options.ts'
import { checkTargets } from './targets.ts'
import { checkEndTime, readTimes, type FeedTimes } from './times.ts'

/** A statement in which no error can be found without the catalogue. */
export interface Opening {
  readonly statement: CreateChangefeed
  readonly context: PlanContext
  readonly read: WrittenOptions
  readonly times: FeedTimes
}

export interface Plan {
  readonly spec: FeedSpec
  readonly notices: readonly string[]
  readonly tables: readonly TargetFacts[]
  /** The statements to run, in this order, on each table before it is first watched. */
  readonly tableChanges: readonly IdentityChange[]
}

export function openPlan(statement: CreateChangefeed, context: PlanContext): Opening {
  const read = readOptions(statement, context.parameters)
  if (context.prerequisites !== undefined) checkPrerequisites(context.prerequisites)
  const times = readTimes(read.given, context.now)
  return { statement, context, read, times }
}

export function closePlan(opening: Opening, catalogue: Catalogue): Plan {
  const { statement, context, times } = opening
  const { given } = opening.read
  const reader = {
    user: context.user,
    creator: statement.sink === undefined ? undefined : context.creator,
    makesKeys: context.makesKeys,
    systemDatabase: context.systemDatabase,
  }
  const found = checkTargets(statement.targets, catalogue, reader)
  const tables = found.map(withKey)
  checkRelations(given)
  checkEndTime(times, given)
  checkFormatOfSink(opening.read)
  checkEncoder(given, tables)
  checkMetricsLabel(given.get('metrics_label'), context.mayUseScope)
  const read = readSink(opening.read)
  checkSink(read)
  const targets = targetsOf(read, tables)
  const sink = sinkSpec({ read, context, tables, targets })
  checkBuilt(read)

  const spec = specOf({ read, context, times, tables, targets, sink })
  const identityChanges = tables.flatMap((table) => changesOf(table, spec.diff))
  const keyChanges = found.flatMap((table) => {
    const change = keyChange(table)
    if (change === undefined) return []
    return [{ relid: table.relid, sql: keySql(table.relid, change), notice: keyNotice(table, change) }]
  })
  const notices = noticesOf({
    read,
    spec,
    context,
    times,
    tables,
    keyChanges: keyChanges.map(({ notice }) => notice),
    identityChanges: identityChanges.map((change) => change.sql),
  })
  // The key comes first, because the replica identity may depend on the key.
  return { spec, notices, tables, tableChanges: [...keyChanges, ...identityChanges] }
}
