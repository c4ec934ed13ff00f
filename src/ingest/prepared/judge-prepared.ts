// Compares what is known of a prepared source with what is there now. Pure: facts in, verdict out. What changes may be missing
// since the last look is named here, so that nothing is missed silently.

import { publication } from '../../source-schema/names.ts'
import { lacksOfMember } from './lacks.ts'
import type { MemberFacts, PartFacts, PreparedFacts, PublicationFacts } from './prepared-facts.ts'
import type { KnownTable, LoggedRows, PreparedState } from './prepared-state.ts'

export interface PreparedGap {
  readonly reason: string
  /** The tables of which changes may be missing; undefined: of all. */
  readonly relids: readonly number[] | undefined
}

export interface PreparedVerdict {
  readonly gaps: readonly PreparedGap[]
  /** What is known from now on. */
  readonly state: PreparedState
}

export interface JudgeOptions {
  readonly role: string
  /** Nobody has read its log yet. */
  readonly isNew: boolean
  /** Whether the log still says that it is a partition. */
  readonly isPartition?: (relid: number) => boolean
}

/** `known`: undefined for a source of which nothing is known. */
export function judgePrepared(
  known: PreparedState | undefined,
  facts: PreparedFacts & { readonly publication: PublicationFacts },
  { role, isNew, isPartition = () => false }: JudgeOptions,
): PreparedVerdict {
  const all = known === undefined ? (isNew ? undefined : unknown) : changeOf(known.publication, facts.publication.id)
  const gaps: PreparedGap[] = all === undefined ? [] : [{ reason: all, relids: undefined }]
  const before = all === undefined ? (known?.tables ?? {}) : {}
  const published = new Set(facts.members.flatMap(({ relids }) => relids))
  const tables: Record<string, KnownTable> = {}
  for (const member of facts.members) {
    const was = before[String(member.relid)]
    const now = judgeMember(was, member, { publication: facts.publication, role })
    if (now.gap !== undefined) gaps.push({ reason: now.gap, relids: now.gapOf ?? now.table.relids })
    const gone = was?.relids.filter((relid) => !published.has(relid)) ?? []
    // While the log counts it as a partition, its gap would be one of the partitioned table.
    const left = gone.filter((relid) => !isPartition(relid))
    const relids = [...now.table.relids, ...gone.filter(isPartition)]
    tables[String(member.relid)] = { ...now.table, relids }
    if (left.length > 0) gaps.push({ reason: partitionLeft(member.name), relids: left })
  }
  for (const [relid, { name, relids }] of Object.entries(before)) {
    if (tables[relid] !== undefined) continue
    const reason = `table ${name} was dropped or left publication "${publication}": its changes are not published any more`
    gaps.push({ reason, relids })
  }
  return { gaps, state: { version: 1, publication: facts.publication.id, tables } }
}

/** Only changefeeds of the partition itself miss something. */
function partitionLeft(name: string): string {
  return `a partition of table ${name} was detached or dropped: its changes are not published any more`
}

const unknown = `what happened to publication "${publication}" until now is not known: changes may be missing`

function changeOf(before: string, now: string): string | undefined {
  if (before === now) return undefined
  const isSame = before.split(':')[0] === now.split(':')[0]
  return isSame
    ? `publication "${publication}" was altered: changes may not have been published until now`
    : `publication "${publication}" was dropped and made anew: changes were not published until now`
}

interface Judged {
  readonly table: KnownTable
  readonly gap?: string | undefined
  /** The tables of the gap, if it is not of all of the member's. */
  readonly gapOf?: readonly number[] | undefined
}

function judgeMember(
  was: KnownTable | undefined,
  member: MemberFacts,
  { publication: facts, role }: { readonly publication: PublicationFacts; readonly role: string },
): Judged {
  const { id, name, relids, parts } = member
  const lack = lacksOfMember(member, facts, { role, reads: false, full: new Set() })[0]?.what
  const rows = Object.fromEntries(parts.map((part) => [part.name, loggedRows(part)]))
  const table: KnownTable = { id, name, relids, rows, ...(lack === undefined ? {} : { lack }) }
  if (was === undefined) return { table }
  if (was.id !== id)
    return {
      table,
      gap: `table ${name} had left publication "${publication}": its changes were not published until now`,
    }
  if (lack !== undefined && lack !== was.lack) return { table, gap: `table ${name} ${lack}` }
  const weaker = parts.flatMap((part) => {
    const why = weakened(was.rows, part)
    return why === undefined ? [] : [{ relid: part.relid, why }]
  })
  const [first] = weaker
  if (first !== undefined) {
    // Changefeeds of other partitions miss nothing.
    const whole = new Set(parts.map((part) => part.relid).filter((part) => weaker.every((one) => one.relid !== part)))
    return { table, gap: first.why, gapOf: relids.filter((one) => !whole.has(one)) }
  }
  // While changes may be missing, it is not published whole.
  return { table: lack === undefined ? { ...table, since: was.since } : table }
}

export function loggedRows({ identity, outOfLine }: PartFacts): LoggedRows {
  if (identity === 'f') return 'full'
  return outOfLine ? 'partial' : 'whole'
}

/** Returns why the rows of a part come with less than before; undefined: they do not. */
function weakened(before: KnownTable['rows'], part: PartFacts): string | undefined {
  const { name } = part
  const now = loggedRows(part)
  const was = before[name] ?? leastOf(Object.values(before))
  if (was === 'full' && now !== 'full')
    return `table ${name} does not have REPLICA IDENTITY FULL${before[name] === undefined ? ', as other partitions have it' : ' any more'}: old rows are missing from its changes`
  if (was === 'whole' && now === 'partial')
    return `table ${name} has columns now whose values may be stored out of line, and does not have REPLICA IDENTITY FULL: values may be missing from its changes`
  return undefined
}

/** What a new partition should have, too. */
function leastOf(rows: readonly LoggedRows[]): LoggedRows | undefined {
  return (['partial', 'whole', 'full'] as const).find((each) => rows.includes(each))
}
