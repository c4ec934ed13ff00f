// What keeps tables of a prepared source from being read, each with the statements that a DBA runs. Nothing is changed by us.

import type { Code } from '../../errors/codes.ts'
import { publication } from '../../source-schema/names.ts'
import type { MemberFacts, PartFacts, PublicationFacts } from './prepared-facts.ts'

export interface Lacking {
  readonly code: Code
  /** What is wrong, as the end of a sentence about the table. */
  readonly what: string
  readonly detail?: string
  /** The statements that put it right. */
  readonly statements: readonly string[]
  /** Another way out, in words. */
  readonly or?: string
  /** The changefeed asks for old rows: `--diff` of setup-sql. */
  readonly isOfOldRows?: boolean
}

export interface Wanted {
  readonly role: string
  /** A changefeed begins, and reads the table; one that runs does not mind that a new partition cannot be read. */
  readonly reads: boolean
  /** The tables and partitions of which the feed needs whole old rows: REPLICA IDENTITY FULL. */
  readonly full: ReadonlySet<number>
}

const allKinds = ['insert', 'update', 'delete', 'truncate']

/** Returns everything that keeps the table from being read, what loses changes first. */
export function lacksOfMember(
  member: MemberFacts,
  publicationFacts: PublicationFacts,
  wanted: Wanted,
): readonly Lacking[] {
  const { name, parts } = member
  const { generated } = publicationFacts
  const ofParts = parts.flatMap((part) => {
    const lacks = lacksOfPart(part, generated, wanted.full.has(part.relid))
    if (part.name === name) return lacks
    return lacks.map((lack) => ({ ...lack, what: `has partition ${part.name}, which ${lack.what}` }))
  })
  return [...lacksOfPublication(member, publicationFacts), ...lacksOfRights(member, wanted), ...ofParts]
}

/** It comes last: a table that is published before it has an identity refuses the application's UPDATEs. */
export function lacksOfUnpublished(
  member: MemberFacts,
  publicationFacts: PublicationFacts,
  wanted: Wanted,
): readonly Lacking[] {
  const add: Lacking = {
    code: 'FEED_SOURCE_REFUSED',
    what: `is not in publication ${publication}`,
    statements: [`ALTER PUBLICATION ${publication} ADD TABLE ONLY ${member.name}`],
  }
  return [...lacksOfMember(member, publicationFacts, wanted), add]
}

function lacksOfPublication(member: MemberFacts, { kinds, viaRoot }: PublicationFacts): readonly Lacking[] {
  const { name, kind } = member
  const lacks: Lacking[] = []
  const missing = allKinds.filter((one) => !kinds.includes(one))
  if (missing.length > 0)
    lacks.push({
      code: 'FEED_SOURCE_REFUSED',
      what: `is in publication ${publication}, which does not publish every ${missing.join(', ')}`,
      statements: [`ALTER PUBLICATION ${publication} SET (publish = '${allKinds.join(', ')}')`],
    })
  if (member.isFiltered || member.hasColumnList)
    lacks.push({
      code: 'FEED_SOURCE_REFUSED',
      what: `is in publication ${publication} with a ${member.isFiltered ? 'row filter' : 'list of columns'}`,
      detail: 'Rows or columns would be missing from the changefeed.',
      statements: [
        'BEGIN',
        `ALTER PUBLICATION ${publication} DROP TABLE ONLY ${name}`,
        `ALTER PUBLICATION ${publication} ADD TABLE ONLY ${name}`,
        'COMMIT',
      ],
    })
  if (viaRoot && kind === 'p')
    lacks.push({
      code: 'FEED_SOURCE_REFUSED',
      what: `is partitioned and in publication ${publication}, which publishes rows of partitions as rows of their partitioned table`,
      detail: 'PostgreSQL then does not say that a partition was truncated, and leaves values of old rows out.',
      statements: [`ALTER PUBLICATION ${publication} SET (publish_via_partition_root = false)`],
    })
  return lacks
}

function lacksOfRights(member: MemberFacts, { role, reads }: Wanted): readonly Lacking[] {
  const { name, parts } = member
  const lacks: Lacking[] = []
  const mayRead = member.mayRead && (!reads || member.mayReadParts)
  if (!member.mayUseSchema || !mayRead)
    lacks.push({
      code: 'FEED_PRIVILEGE',
      what: `cannot be read by role ${role}, with which this server logs in`,
      statements: [
        ...(member.mayUseSchema ? [] : [`GRANT USAGE ON SCHEMA ${member.schema} TO ${role}`]),
        ...(mayRead
          ? []
          : [`GRANT SELECT ON ${[...new Set([name, ...parts.map((part) => part.name)])].join(', ')} TO ${role}`]),
      ],
    })
  if (member.hidesRows)
    lacks.push({
      code: 'FEED_PRIVILEGE',
      what: `has row-level security, which hides rows from role ${role}, with which this server logs in`,
      detail: 'The first scan would lack rows, and the stream of changes would have them.',
      statements: [`ALTER ROLE ${role} BYPASSRLS`],
    })
  return lacks
}

function lacksOfPart(part: PartFacts, publishesGenerated: boolean | null, full: boolean): readonly Lacking[] {
  const { name, generated } = part
  const lacks: Lacking[] = []
  if (part.isUnlogged)
    lacks.push({
      code: 'FEED_TARGET',
      what: 'is unlogged: the WAL has no changes of it',
      statements: [`ALTER TABLE ${name} SET LOGGED`],
    })
  const ofIdentity = lackOfIdentity(part, full)
  if (ofIdentity !== undefined) lacks.push(ofIdentity)
  if (generated.includes('s') && publishesGenerated === false)
    lacks.push({
      code: 'FEED_SOURCE_REFUSED',
      what: `has stored generated columns, which publication ${publication} leaves out`,
      statements: [`ALTER PUBLICATION ${publication} SET (publish_generated_columns = stored)`],
    })
  return lacks
}

function lackOfIdentity(part: PartFacts, full: boolean): Lacking | undefined {
  const { name, identity } = part
  const code = 'FEED_TARGET'
  const toFull = `ALTER TABLE ${name} REPLICA IDENTITY FULL`
  if (full && identity !== 'f')
    return {
      code,
      what: `needs REPLICA IDENTITY FULL for this changefeed, and ${nameOfIdentity(part)}`,
      detail: part.outOfLine
        ? 'Values may be stored out of line: an UPDATE that does not change them would come without them.'
        : 'Without it the WAL does not have the rows as they were before a change.',
      statements: [toFull],
      isOfOldRows: !part.outOfLine,
    }
  if (part.hasKey) return undefined
  return {
    code,
    what: `has no usable replica identity: ${reasonOf(part)}`,
    detail: part.index === 0 ? 'PostgreSQL refuses every UPDATE and DELETE of a published table that has none.' : '',
    statements: [
      part.hasPrimaryKey && !part.isKeyUnfit
        ? `ALTER TABLE ${name} REPLICA IDENTITY DEFAULT`
        : `ALTER TABLE ${name} ADD PRIMARY KEY (...)`,
    ],
    or: `ALTER TABLE ${name} REPLICA IDENTITY USING INDEX ... (unique, not partial, of columns that are NOT NULL)${part.hasPrimaryKey ? `, or ${toFull} (the WAL then holds the old row of every UPDATE and DELETE)` : '. REPLICA IDENTITY FULL is not enough: a changefeed needs a key'}`,
  }
}

function reasonOf({ identity, hasPrimaryKey, isKeyUnfit, index, indexName }: PartFacts): string {
  if (identity === 'n') return 'it has REPLICA IDENTITY NOTHING'
  if (identity === 'i')
    return index === 0
      ? 'the index of its REPLICA IDENTITY USING INDEX is gone or cannot be used'
      : `index ${indexName ?? ''} does not have all columns of its primary key`
  if (!hasPrimaryKey) return 'it has no primary key'
  return isKeyUnfit ? 'its primary key is deferrable or not valid' : 'its primary key cannot be used'
}

function nameOfIdentity({ identity, indexName }: PartFacts): string {
  if (identity === 'n') return 'has NOTHING'
  if (identity === 'i') return `has USING INDEX ${indexName ?? '(which is gone)'}`
  return 'has DEFAULT'
}
