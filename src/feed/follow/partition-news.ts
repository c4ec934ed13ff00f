// Says which partitions of the targets have come and gone, when the feed has followed the log to there. Rows of a partition that
// is detached or dropped are not deleted for anybody who reads the feed, so it must not happen in silence.

import type { TableDescription } from '../../core/table.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import type { Partitions } from '../transaction/partitions.ts'
import { isAttached, mayLackChanges, type SchemaChange } from './schema-changes.ts'

export interface PartitionNewsOptions {
  readonly schemas: SchemaHistory
  readonly partitions: Partitions
  /** The name of a target. */
  readonly nameOf: (target: number) => string
  readonly tell: (what: string) => void
  /** The feed stops where partitions are attached, and calls `attaching`. */
  readonly tellsAtBoundary: boolean
}

interface Member {
  readonly target: number
  readonly name: string
  readonly description: TableDescription
}

export class PartitionNews {
  readonly #options: PartitionNewsOptions
  /** By relation; undefined: the feed has not begun to follow the log. */
  #members: ReadonlyMap<number, Member> | undefined
  #version = 0

  constructor(options: PartitionNewsOptions) {
    this.#options = options
  }

  /** Called before the first transaction that is followed. */
  begin(): void {
    if (this.#members !== undefined) return
    this.#version = this.#options.schemas.version
    this.#members = this.#look()
  }

  /** Called between two transactions. */
  check(): void {
    const { schemas, nameOf, tell, tellsAtBoundary } = this.#options
    if (schemas.version === this.#version) return
    const before = this.#members
    this.#version = schemas.version
    const now = this.#look()
    this.#members = now
    if (before === undefined) return
    for (const [relid, { target, name, description }] of before) {
      const is = now.get(relid)
      if (is?.target === target) {
        if (!tellsAtBoundary && isAttached(description, is.description)) this.#tellAgain(is)
        continue
      }
      const how = schemas.description(relid)?.dropped === true ? 'dropped' : 'detached'
      tell(`going on without partition "${name}" of "${nameOf(target)}": it was ${how}`)
    }
    for (const [relid, { target, name }] of now) {
      if (before.get(relid)?.target !== target) tell(`following the new partition "${name}" of "${nameOf(target)}"`)
    }
  }

  /** Called before a transaction that changes these targets. */
  changing(changes: Iterable<SchemaChange>): void {
    for (const change of changes) if (mayLackChanges(change)) this.#tellUnlogged(change.after.name)
  }

  #tellUnlogged(name: string): void {
    this.#options.tell(
      `reading all rows of table "${name}" again: no publication names it, and its rows are in another file (VACUUM FULL, CLUSTER, SET UNLOGGED or another command that writes all rows), so it may have been unlogged meanwhile; rows that were deleted then are not deleted in the changefeed`,
    )
  }

  /** Called before a transaction that detaches these partitions, and attaches them again without rows. */
  returned(relids: ReadonlySet<number>): void {
    if (relids.size === 0) return
    const members = this.#look()
    for (const relid of relids) {
      const member = members.get(relid)
      if (member === undefined) continue
      this.#options.tell(
        `going on with partition "${member.name}" of "${this.#options.nameOf(member.target)}", which was detached and attached again without rows: rows that it had before are not deleted in the changefeed`,
      )
    }
  }

  /** Called before a transaction that attaches these partitions, perhaps ones that the targets have already. */
  attaching(attached: Iterable<number>): void {
    const members = this.#look()
    for (const relid of attached) {
      const member = members.get(relid)
      if (member !== undefined) this.#tellAgain(member)
    }
  }

  #tellAgain({ target, name }: Member): void {
    const { nameOf, tell } = this.#options
    tell(
      `taking partition "${name}" of "${nameOf(target)}" for newly attached: it was detached and attached again, or its rows are in another file (VACUUM FULL, CLUSTER, SET UNLOGGED or another command that writes all rows); rows that were deleted where nothing is published are not deleted in the changefeed`,
    )
  }

  #look(): ReadonlyMap<number, Member> {
    const { schemas, partitions } = this.#options
    const members = new Map<number, Member>()
    for (const relid of partitions.possible) {
      const description = schemas.description(relid)
      const target = partitions.targetOf(description)
      // Those in the middle have no rows.
      if (description === undefined || target === undefined || description.partitioned === true) continue
      members.set(relid, { target, name: description.name, description })
    }
    return members
  }
}
