// The page docs/reference/source-database.md, from the lists in src/source-schema.

import { calledFunctions, innerFunctions, type Right, type SourceFunction } from '../src/source-schema/functions.ts'
import { publication } from '../src/source-schema/names.ts'
import { eventTriggers, tables, type SourceTable } from '../src/source-schema/objects.ts'
import { installFiles, readSqlFile, type SqlFile } from '../src/source-schema/sql-files.ts'
import { schemaVersion } from '../src/source-schema/version.ts'

const rights: Readonly<Record<Right, string>> = {
  'owner of the schema': 'owner of schema `changefeed` and its tables',
  'owner of the publication': 'owner of the publication',
  'SET deadlock_timeout': 'may set `deadlock_timeout`',
}

export function sourceDatabase(
  table: (head: readonly string[], rows: readonly (readonly string[])[]) => string,
): string {
  const signature = (name: string, { parameters }: SourceFunction): string =>
    `\`${name}(${Object.entries(parameters)
      .map((parameter) => parameter.join(' '))
      .join(', ')})\``
  const rowsOf = (list: Readonly<Record<string, SourceFunction>>): string[][] =>
    Object.entries(list).map(([name, facts]) => {
      const isTrigger = String(facts.returns).endsWith('trigger')
      const needed = isTrigger ? '' : (facts.needs?.map((right) => rights[right]).join('; ') ?? 'any role')
      return [signature(name, facts), facts.does, needed]
    })
  const columns = Object.entries<SourceTable>(tables).flatMap(([name, of]) =>
    Object.entries(of.columns).map(([column, meaning]) => [`\`${name}.${column}\``, meaning]),
  )
  const needs = ['function', 'what it does', 'rights']
  return `# The source database

A server reads a database in one of two ways. Which one is found by trying, when the first changefeed of the database starts:

| | *installed* | *prepared* |
|---|---|---|
| when | the server's role may create event triggers: a superuser, or a role to which a provider allows it | every other role; \`changefeed start --no-install\`; a publication that a script of \`changefeed setup-sql\` has made |
| in the database | what [this page lists below](#what-is-installed), and a replication slot | a replication slot, and nothing else of ours |
| publication and replica identities | kept by the server | made by a DBA with \`changefeed setup-sql\` |
| a changefeed of another table | takes it under watch by itself | is refused with the statements that a DBA has to run |
| schema changes | written into the log by event triggers, in the transaction that made them | seen in the stream and in the catalogue, which is read again and again |
| taken back by | \`UNWATCH DATABASE\`, \`changefeed uninstall\` | the slot: the same. The rest: the statements that \`changefeed uninstall\` prints |

## Prepared: the rights of the role

| right | for |
|---|---|
| LOGIN, REPLICATION (or a provider's role such as \`rds_replication\`) | the slot and the stream of changes. PostgreSQL shows a role with it every published row, also past row-level security and without SELECT; whose changefeed may show which table is checked by the server, for the role that asks. Membership in a role with REPLICATION will do as well: [by SQL functions](../guide/your-postgres.md#a-role-that-may-not-replicate-itself) |
| USAGE on the schemas, SELECT on the tables and on their partitions | the first scan and backfills |
| EXECUTE on \`pg_log_standby_snapshot()\` (16 and later), optional | catching up, and reading by SQL functions, reads less WAL twice |
| \`pg_monitor\`, optional | messages say for how long a transaction is open that is waited for |
| schema \`changefeed_state\`, in this database or in that of \`--system-url\` | jobs, settings, privileges |

The server takes no lock on a table but ACCESS SHARE, in scans, and gives it back when somebody waits for a stronger one.

What cannot be kept there is noticed and named. While the server reads, it looks every five seconds, and at each start; what has changed meanwhile is a gap in
the log, which ends the changefeeds that would miss something, with the reason:

| what is done | what follows |
|---|---|
| the publication is dropped, made anew or altered, also there and back | all changefeeds of the database end. Reading begins again by itself when the publication is right again. (Adding and dropping tables only concerns these tables.) |
| a table leaves the publication, or leaves it and comes back | its changefeeds end |
| a row filter or a list of columns; not all of insert, update, delete, truncate; \`publish_via_partition_root\` with a partitioned table | its changefeeds end, and none starts |
| REPLICA IDENTITY is less than it was, or the key or index is gone; a new partition has less than the others | its changefeeds end, those of other partitions themselves go on |
| the role may not SELECT any more, or row-level security begins to hide rows from it | its changefeeds end |
| a partition is detached from a published table, or dropped | changefeeds of the partition itself end; those of the partitioned table go on |
| a table is dropped | its changefeeds end |
| a type of a table is changed while the table is scanned | the scan begins again with the pages that it has not emitted. No row is emitted that may have been printed with another type than the scan knows |

*Watched since* is, in a prepared database, the time at which the table was seen in the publication and every transaction had ended that had written to it before. A cursor may
go back to it, also before the first changefeed of the table.

What prepared cannot give: a table of a changefeed is not published by itself; REPLICA IDENTITY FULL is not set where a later ADD COLUMN makes it necessary, so the
changefeeds end then; nobody refuses a command that would end them; a schema change that cannot be placed exactly between the rows around it ends them (see
[schema changes](schema-changes.md)).

## Installed without superuser

Where a provider lets a role create event triggers, that role owns everything below, and watches the tables that it owns. If a table gets another owner, its
owner's commands go on, and changes may be missing until the role owns it again: the changefeeds end with that reason. \`deadlock_timeout\` stays as it is, so that a
lock that autovacuum holds is not taken away from it; the changefeed then says who has it.

## What is installed

The first changefeed of a database installs what the rest of this page lists. \`UNWATCH DATABASE\` and \`changefeed uninstall\` remove it, when no changefeed and no job
needs the database any more. The column *rights* says what each part really needs.

- schema \`changefeed\`, which only its owner may use;
- publication \`${publication}\` for \`changefeed.watched\` and the watched tables;
- a logical replication slot \`pg_changefeed_<oid of the database>\`, which needs REPLICATION;
- REPLICA IDENTITY FULL for watched tables that need it. The previous identity is restored when no changefeed needs the table any more.

The schema belongs to the extension \`plpgsql\` if our role may do that, so that dumps leave it out. Its comment is its version: this is version ${schemaVersion}. When a
server begins to read a database, it replaces an earlier version. It refuses a database with a later version and changes nothing there: use
the later pg-changefeed, or remove the schema with that one (\`UNWATCH DATABASE\`).

## Tables

${table(
  ['table', 'what it holds'],
  Object.entries(tables).map(([name, { holds }]) => [`\`changefeed.${name}\``, holds]),
)}
${table(['column', 'meaning'], columns)}
## Event triggers

Only superusers, and roles to which a provider allows it, can create event triggers. Their functions run with the rights of their owner.

${table(
  ['event trigger', 'event', 'function', 'what it does'],
  Object.entries(eventTriggers).map(([name, { on, calls, does }]) => [`\`${name}\``, on, `\`${calls}\``, does]),
)}
## Functions that the server calls

All functions are in schema \`changefeed\`. *Any role* means a role with USAGE on the schema, *may set \`deadlock_timeout\`* a superuser or, from
PostgreSQL 15 on, a role with \`GRANT SET ON PARAMETER deadlock_timeout\`.

${table(needs, rowsOf(calledFunctions))}
## Functions that other functions and triggers call

${table(needs, rowsOf(innerFunctions))}
## SQL files

They are in \`dist/source-schema/sql\` of the package and run in this order, in one transaction. The last one removes everything. In
them the server puts a text for \`:'name'\`, an identifier for \`:"name"\`, and a condition for \`:(name)\`.

${table(
  ['file', 'rights'],
  [...installFiles, 'remove' as const].map((file) => [`\`${file}.sql\``, rightsOf(file)]),
)}`
}

/** The last paragraph of the head of an SQL file. */
function rightsOf(file: SqlFile): string {
  const [, text = ''] = /^-- Rights: ((?:.*\n(?:-- )?)+?)\n/m.exec(readSqlFile(file)) ?? []
  return text.replaceAll('\n-- ', ' ').replace(/\.\s*$/, '')
}
