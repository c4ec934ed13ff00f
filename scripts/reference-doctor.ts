// The page docs/reference/doctor.md, from the list of checks.

import { serverChecks, tableChecks } from '../src/doctor/checks.ts'

export function doctor(table: (head: readonly string[], rows: readonly (readonly string[])[]) => string): string {
  const rows = (checks: readonly { readonly id: string; readonly about: string }[]): string[][] =>
    checks.map(({ id, about }) => [`\`${id}\``, about])
  return `# Doctor

\`changefeed doctor\` looks at a PostgreSQL before changefeeds read it. It prints what is not in order, each \`FAILURE\` first and then each \`WARNING\`, and
below it the statement to run or the setting to change, in the words of the provider where one is recognised. \`--all\` prints the whole
table of what was checked. Nothing is changed, and no query waits longer than seconds. It needs no more rights than a changefeed; what the role may not see is said to be not visible.

\`\`\`
changefeed doctor --postgres='postgres://cdc@db.example:5432/shop?sslmode=verify-full' --tables=orders,sales.invoices
\`\`\`

In a checkout the command is \`npx changefeed\` ([how it is run](command-line.md#how-it-is-run)).

| flag | meaning |
|---|---|
| \`--postgres=URL\` | the PostgreSQL, as \`changefeed start\` takes it; what it does not say is taken from libpq's variables (\`PGHOST\`, \`PGPASSWORD\` …) |
| \`--password-file=FILE\` | a file whose first line is the password |
| \`--tables=NAMES\` | the tables of the changefeed, as SQL writes them, with commas between; without a schema they are in \`public\` |
| \`--system-url=URL\` | the database for jobs and settings; left out, it is that of \`--postgres\` |
| \`--system-password-file=FILE\` | the same for the role in \`--system-url\` |
| \`--no-install\` | nothing is to be installed, as if the role could not: a DBA prepares the database |
| \`--all\` | also print what is ok: what would be created, which locks are taken, what happens while the server is down, how long a scan takes |
| \`--tls-cert=FILE\`, \`--tls-client-ca=FILE\` | the certificates that the server uses or shall use: whether they end within two weeks |
| \`--json\` | print all findings as JSON |

In a terminal lines are broken at words, and the marks have colours (not with \`NO_COLOR\`); in a pipe each finding and each remedy is one line. Of more
than ten warnings of one check the first ten are printed, and how many there are.

Exit codes: 0, everything is ok; 1, there is a failure, so that a changefeed cannot start, or the command was wrong; 2, there are only warnings.

In SQL, \`EXPLAIN CHANGEFEED FOR TABLE a, b [INTO 'uri'] [WITH options]\` makes the same checks for these tables, and says what the statement would do:
[EXPLAIN CHANGEFEED](statements.md#explain-changefeed).

## JSON

\`{"format": 1, "verdict": "ok" | "warning" | "failure", "server": {"database", "role", "version", "provider"}, "mode": "installed" | "prepared", "findings": […]}\`.
\`server\` and \`mode\` are absent if there was no connection. A finding is \`{"id", "subject", "verdict", "what", "remedy"}\`: \`id\` is that of the tables
below, \`subject\` is \`server\` or \`schema.table\`, and \`remedy\` is there if something is to be done. Later versions may add members and ids.

## The server

Where no connection can be opened, \`connection\` says why, or \`pooler\` that a pooler such as PgBouncer is in between, and nothing else is checked.

${table(['id', 'what it checks'], rows(serverChecks))}
## Each table

${table(['id', 'what it checks'], rows(tableChecks))}`
}
