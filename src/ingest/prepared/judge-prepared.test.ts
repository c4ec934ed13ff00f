import assert from 'node:assert/strict'
import test from 'node:test'
import { judgePrepared } from './judge-prepared.ts'
import type { MemberFacts, PartFacts, PublicationFacts } from './prepared-facts.ts'
import type { PreparedState } from './prepared-state.ts'

const publication: PublicationFacts = {
  id: '7:700',
  owner: 'dba',
  kinds: ['insert', 'update', 'delete', 'truncate'],
  viaRoot: false,
  generated: null,
}

function part(name: string, more: Partial<PartFacts> = {}): PartFacts {
  return {
    relid: { 's.p1': 11, 's.p2': 12, 's.p3': 13, 's.u': 2 }[name] ?? 1,
    name,
    identity: 'd',
    index: 1,
    indexName: `${name}_pkey`,
    hasKey: true,
    hasPrimaryKey: true,
    isKeyUnfit: false,
    outOfLine: false,
    isUnlogged: false,
    generated: '',
    ...more,
  }
}

function member(more: Partial<MemberFacts> = {}): MemberFacts {
  return {
    relid: 1,
    id: '9:701',
    name: 's.t',
    schema: 's',
    kind: 'r',
    isFiltered: false,
    hasColumnList: false,
    mayRead: true,
    mayReadParts: true,
    mayUseSchema: true,
    hidesRows: false,
    parts: [part('s.t')],
    relids: [...new Set([more.relid ?? 1, ...(more.parts ?? []).map(({ relid }) => relid)])],
    ...more,
  }
}

const of = { role: 'cdc', isNew: false }

function begun(...members: readonly MemberFacts[]): PreparedState {
  const { state } = judgePrepared(undefined, { publication, members }, { role: 'cdc', isNew: true })
  const tables = Object.entries(state.tables).map(([relid, table]) => [relid, { ...table, since: '5' }] as const)
  return { ...state, tables: Object.fromEntries(tables) }
}

function gaps(
  known: PreparedState | undefined,
  members: readonly MemberFacts[],
  more: Partial<PublicationFacts> = {},
): string[] {
  return judgePrepared(known, { publication: { ...publication, ...more }, members }, of).gaps.map(
    ({ reason, relids }) => `${relids?.join() ?? 'all'}: ${reason}`,
  )
}

test('what is as it was is no gap, and tables may be added and keep since when they are watched', () => {
  const known = begun(member())
  const { gaps: none, state } = judgePrepared(
    known,
    { publication, members: [member(), member({ relid: 2, id: '10:702', name: 's.u', parts: [part('s.u')] })] },
    of,
  )
  assert.deepEqual(none, [])
  assert.equal(state.tables['1']?.since, '5')
  assert.equal(state.tables['2']?.since, undefined)
})

test('a log whose state is lost, or is of another publication, says that changes of all tables may be missing', () => {
  assert.match(gaps(undefined, [member()])[0] ?? '', /^all: what happened .* is not known/)
  assert.match(gaps(begun(member()), [member()], { id: '8:800' })[0] ?? '', /^all: .* dropped and made anew/)
  assert.match(gaps(begun(member()), [member()], { id: '7:710' })[0] ?? '', /^all: .* was altered/)
  assert.equal(
    judgePrepared(begun(member()), { publication: { ...publication, id: '7:710' }, members: [member()] }, of).state
      .tables['1']?.since,
    undefined,
  )
})

test('a table that left, came back, lost a right or its identity is a gap of this table, once', () => {
  const known = begun(member(), member({ relid: 2, id: '10:702', name: 's.u', parts: [part('s.u')] }))
  const other = member({ relid: 2, id: '10:702', name: 's.u', parts: [part('s.u')] })
  assert.deepEqual(gaps(known, [other]), [
    '1: table s.t was dropped or left publication "pg_changefeed": its changes are not published any more',
  ])
  assert.match(gaps(known, [member({ id: '11:703' }), other]).join(), /^1: table s\.t had left/)
  const lost = [member({ mayRead: false }), other]
  assert.match(gaps(known, lost).join(), /^1: table s\.t cannot be read by role cdc/)
  assert.deepEqual(gaps(judgePrepared(known, { publication, members: lost }, of).state, lost), [])
  assert.match(
    gaps(known, [member({ parts: [part('s.t', { hasKey: false, index: 0 })] }), other]).join(),
    /no usable replica identity/,
  )
  assert.match(
    gaps(known, [member({ parts: [part('s.t', { outOfLine: true })] }), other]).join(),
    /may be stored out of line/,
  )
})

test('a new partition must log its rows as the others do; that it cannot be read ends no changefeed that runs', () => {
  const full = (name: string): PartFacts => part(name, { identity: 'f', outOfLine: true })
  const root = { kind: 'p', name: 's.root' }
  const known = begun(member({ ...root, parts: [full('s.p1')] }))
  assert.deepEqual(gaps(known, [member({ ...root, parts: [full('s.p1'), full('s.p2')], mayReadParts: false })]), [])
  assert.match(
    gaps(known, [member({ ...root, parts: [full('s.p1'), part('s.p2')] })]).join(),
    /^1,12: table s\.p2 does not have REPLICA IDENTITY FULL, as other partitions have it/,
  )
  // Changefeeds of s.p1 itself miss nothing, and those of the root and of each such partition do.
  assert.match(
    gaps(known, [member({ ...root, parts: [full('s.p1'), part('s.p2'), part('s.p3')] })]).join(';'),
    /^1,12,13: table s\.p2 [^;]*$/,
  )
  const two = begun(member({ ...root, parts: [full('s.p1'), full('s.p2')] }))
  assert.deepEqual(gaps(two, [member({ ...root, parts: [full('s.p1')] })]), [
    '12: a partition of table s.root was detached or dropped: its changes are not published any more',
  ])
  assert.match(
    gaps(known, [member({ ...root, parts: [full('s.p1')] })], { viaRoot: true }).join(),
    /is partitioned and in publication/,
  )
})
