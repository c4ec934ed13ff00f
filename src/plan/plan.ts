// From a parsed CREATE CHANGEFEED to a FeedSpec, or to the one error that matters most.
//
// Pure: no clock, no database, no randomness; the caller gives them as values. Because target names can only be
// resolved by the database, planning has two halves, and the caller asks the catalogue in between:
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
//   3. cursor and end_time by themselves
//   4. targets: all are found and named once; then each can be watched, by this user
//   5. options that do not go together; end_time against the time of the statement
//   6. what the encoder needs, then metrics_label
//   7. the sink: its scheme, the options it takes, its parameters and its configuration
//   8. what is valid and not built
//
// Only then does the caller connect to the sink, and then it watches the tables. Nothing is tried on a sink or changed in
// the database here: the statements in `tableChanges` are for the caller to run before it starts the feed.

import type { FeedSpec } from '../core/feed-spec.ts'
import type { CreateChangefeed } from '../sql/ast.ts'
import type { Catalogue, TargetFacts } from './catalogue.ts'
import { identityChange, type IdentityChange } from './identity.ts'
import { keyChange, keyNotice, keySql, withKey } from './key-change.ts'
import { sinkSpec, specOf, targetsOf } from './make-spec.ts'
import { checkMetricsLabel } from './metrics-label.ts'
import { noticesOf, type Notice } from './notices.ts'
import { checkEncoder } from './format-relations.ts'
import { checkBuilt, checkRelations, checkSink } from './option-relations.ts'
import type { PlanContext } from './plan-context.ts'
import { checkPrerequisites } from './prerequisites.ts'
import { readOptions, readSink, type WrittenOptions } from './read-options.ts'
import { checkTargets } from './targets.ts'
import { checkEndTime, readTimes, type FeedTimes } from './times.ts'

/** A statement that is right as far as its own words tell. */
export interface Opening {
  readonly statement: CreateChangefeed
  readonly context: PlanContext
  readonly read: WrittenOptions
  readonly times: FeedTimes
}

export interface Plan {
  readonly spec: FeedSpec
  readonly notices: readonly Notice[]
  readonly tables: readonly TargetFacts[]
  /** To be run, in this order, on each table before it is first watched. */
  readonly tableChanges: readonly IdentityChange[]
}

export function openPlan(statement: CreateChangefeed, context: PlanContext): Opening {
  const read = readOptions(statement, context.parameters)
  checkPrerequisites(context.prerequisites)
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
  checkEncoder(given, tables)
  checkMetricsLabel(given.get('metrics_label'), context.mayUseScope)
  const read = readSink(opening.read)
  checkSink(read)
  const targets = targetsOf(read, tables)
  const sink = sinkSpec(read, { context, targets, tables })
  checkBuilt(read)

  const spec = specOf({ read, context, times, tables, targets, sink })
  const identityChanges = tables.flatMap((table) => identityChange(table, spec.diff) ?? [])
  const keyChanges = found.flatMap((table) => {
    const change = keyChange(table)
    return change === undefined ? [] : [{ table, change }]
  })
  const notices = noticesOf({
    read,
    spec,
    times,
    now: context.now,
    showsScopes: context.showsScopes,
    tables,
    keyChanges: keyChanges.map(({ table, change }) => keyNotice(table, change)),
    identityChanges: identityChanges.map((change) => change.sql),
  })
  // The key comes first: what a table logs of its old rows may depend on it.
  const tableChanges = [
    ...keyChanges.map(({ table, change }) => ({ relid: table.relid, sql: keySql(table.relid, change) })),
    ...identityChanges,
  ]
  return { spec, notices, tables, tableChanges }
}
