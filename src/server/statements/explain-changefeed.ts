// EXPLAIN CHANGEFEED FOR …: what CREATE CHANGEFEED would do with these targets and options, what it would cost, and what is in its way.
// Nothing is changed, and the sink is not connected to: connecting may create topics.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import { examine, type Report } from '../../doctor/doctor.ts'
import type { Finding, Verdict } from '../../doctor/finding.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { LocalCall, LocalStatement, ResultColumn } from '../../pg-server/local-statement.ts'
import type { TargetFacts } from '../../plan/catalogue.ts'
import { closePlan, type Plan } from '../../plan/plan.ts'
import { checkPrerequisites } from '../../plan/prerequisites.ts'
import { isOn } from '../../plan/read-options.ts'
import { qualified } from '../../plan/targets.ts'
import { showSinkUri } from '../../sink/sink-uri.ts'
import type { CreateChangefeed, ExplainChangefeed } from '../../sql/ast.ts'
import { countPlaceholders } from '../../sql/sql.ts'
import { dataRow } from '../../wire/backend-writer.ts'
import { typeOids } from '../../wire/type-oids.ts'
import type { ServerParts } from '../server-parts.ts'
import { openChangefeed, prerequisitesOf, type OpenedChangefeed } from './plan-changefeed.ts'
import { shownStatement } from './shown-statement.ts'

const columns: readonly ResultColumn[] = ['subject', 'check', 'status', 'detail', 'remedy'].map((name) => {
  return { name, typeOid: typeOids.text, typeSize: -1 }
})

type Row = readonly [subject: string, check: string, status: Verdict, detail: string, remedy: string | undefined]

/** What is wrong with a table or a right is a row of the answer; a statement that means nothing is an error. */
const asRow: ReadonlySet<string> = new Set([
  'FEED_TARGET',
  'FEED_PRIVILEGE',
  'FEED_STATE',
  'FEED_DISABLED',
  'FEED_UNSUPPORTED',
])

/** `sql` is the statement as typed. */
export function explainChangefeed(
  { changefeed }: ExplainChangefeed,
  context: ServerParts,
  sql: string,
): LocalStatement {
  return {
    parameterTypes: Array.from({ length: countPlaceholders(changefeed) }, () => typeOids.text),
    columns,
    async run(call) {
      const rows = await context.work.check(call.signal, () => explain(changefeed, context, { call, sql }))
      await call.accepted()
      const bytes = new ByteWriter(1024)
      for (const row of rows)
        dataRow(
          bytes,
          row.map((value) => (value === undefined ? null : Buffer.from(value))),
        )
      // A client that does not read waits here, and keeps nobody from checks of theirs.
      await call.sendRows(bytes.view())
      return 'EXPLAIN'
    },
  }
}

/** `sql` is the statement as typed. */
async function explain(
  changefeed: CreateChangefeed,
  context: ServerParts,
  { call, sql }: { readonly call: LocalCall; readonly sql: string },
): Promise<readonly Row[]> {
  const opened = await openChangefeed(changefeed, context, { call })
  const ours = [
    ...rowIfRefused(() => {
      checkPrerequisites(prerequisitesOf(context))
      return []
    }),
    ...rowIfRefused(() => rowsOfPlan(opened, closePlan(opened.opening, opened.catalogue))),
  ]
  await call.occupy(shownStatement(sql))
  const tables = opened.catalogue.targets.filter((target) => target.tag === 'table')
  const { findings, facts } = await examineFor(opened, tables, context)
  call.signal.throwIfAborted()
  // Where a DBA prepares the tables, we change none of them, and the checks say what is missing.
  const planned = facts?.mode === 'prepared' ? ours.filter(([, check]) => check !== 'changes') : ours
  return [...planned, ...findings.map(rowOf)]
}

function rowIfRefused(work: () => readonly Row[]): readonly Row[] {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof FeedError) || !asRow.has(error.code)) throw error
    return [['statement', 'plan', 'failure', error.message, error.hint]]
  }
}

function rowsOfPlan(
  { opening: { read } }: OpenedChangefeed,
  { spec, tables, tableChanges, notices }: Plan,
): readonly Row[] {
  const scan = { yes: 'an initial scan and changes', no: 'changes', only: 'an initial scan' }[spec.initialScan]
  const sink = read.sinkText === undefined ? 'this connection' : showSinkUri(read.sinkText)
  // What nobody has tried is not said to work.
  const untried = read.sinkText === undefined ? '' : ', which was not connected to'
  const nameOf = new Map(tables.map((table) => [table.relid, qualified(table)]))
  return [
    [
      'statement',
      'sink',
      'ok',
      `${scan} as ${spec.format}, envelope ${spec.envelope}, go to ${sink}${untried}`,
      undefined,
    ],
    ...spec.targets.map((target, i): Row => {
      const key = tables[i]?.primaryKey.join(', ') ?? ''
      const detail = `relid ${target.relid}, topic ${target.topic}, key (${key})`
      return [nameOf.get(target.relid) ?? target.tableName, 'target', 'ok', detail, undefined]
    }),
    ...tableChanges.map(({ relid, leafOf = relid, sql }): Row => {
      return [nameOf.get(leafOf) ?? '', 'changes', 'ok', `before it is watched: ${sql}`, undefined]
    }),
    // The changes are lines of their own.
    ...notices
      .filter((notice) => tableChanges.every(({ sql: change }) => !notice.endsWith(change)))
      .map((notice): Row => ['statement', 'notice', 'ok', notice, undefined]),
  ]
}

async function examineFor(
  { opening, user }: OpenedChangefeed,
  tables: readonly TargetFacts[],
  { backend, sources, rights }: ServerParts,
): Promise<Report> {
  const database = tables[0]?.database ?? opening.context.database
  const report = await examine({
    source: { ...backend.source, database },
    tables: tables.map(({ relid }) => relid),
    state: undefined,
    diff: isOn(opening.read.given, 'diff'),
    makesKeys: backend.hasDialect,
    isServed: sources.of(database) !== undefined,
  })
  // Who asks has logged in already. Our own role may see more of other sessions than this user.
  const left = (await rights.isAdmin(user)) ? ['logins'] : ['logins', 'transactions']
  return { ...report, findings: report.findings.filter(({ id }) => !left.includes(id)) }
}

function rowOf({ subject, id, verdict, what, remedy }: Finding): Row {
  return [subject, id, verdict, what, remedy]
}
