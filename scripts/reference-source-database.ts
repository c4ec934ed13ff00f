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
  return `# What is installed in a database

The first changefeed of a database installs what this page lists. \`UNWATCH DATABASE\` removes it, when no changefeed and no job needs the
database any more. Today the server does all of this as a superuser of the PostgreSQL that it brings along; the column *rights* says
what each part really needs.

- schema \`changefeed\`, which only its owner may use;
- publication \`${publication}\` for \`changefeed.watched\` and the watched tables;
- a logical replication slot \`pg_changefeed_<oid of the database>\`, which needs REPLICATION;
- REPLICA IDENTITY FULL for watched tables that need it. The previous identity is restored when no changefeed needs the table any more.

The schema belongs to the extension \`plpgsql\`, so that dumps leave it out. Its comment is its version: this is version ${schemaVersion}. When a
server begins to read a database, it replaces an earlier version. It refuses a database with a later version and changes nothing there: use
the later pg-changefeed, or remove the schema with that one (\`UNWATCH DATABASE\`).

## Tables

${table(
  ['table', 'what it holds'],
  Object.entries(tables).map(([name, { holds }]) => [`\`changefeed.${name}\``, holds]),
)}
${table(['column', 'meaning'], columns)}
## Event triggers

Only superusers can create event triggers. Their functions run with the rights of their owner.

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
