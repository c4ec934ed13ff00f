// The shell: `changefeed sql`. Statements in, from -e, a pipe or a terminal; results out as table, CSV, TSV or NDJSON.
//
// Rows print as they arrive and nothing waits for the end of a result but a table's layout, so a core changefeed can be
// read in it, or piped on. When the reader is slow the shell stops reading from the server. It talks the PostgreSQL
// protocol through the ecosystem's driver and works with any PostgreSQL. It understands no SQL beyond where a statement
// ends, and sends no COPY data.
//
// Exit codes: 0; 1 when a statement failed or no server was reached; 141 when the reader of the output went away.

import { readSqlArguments, type SqlArguments } from './arguments.ts'
import { runExecute, runPiped } from './batch.ts'
import { errorText } from './error-text.ts'
import { Interactive } from './interactive.ts'
import { Output } from './output.ts'
import { Session } from './session.ts'
import type { Shell } from './shell.ts'
import { formatSettings } from './shell-settings.ts'

export async function runSql(argv: readonly string[]): Promise<number> {
  const args = readSqlArguments(argv)
  if (args === undefined) return 0
  const output = new Output(process.stdout)
  const messages = new Output(process.stderr)
  const code = await run(args, output, messages)
  await output.finish()
  await messages.finish()
  return output.isClosed ? 141 : code
}

async function run(args: SqlArguments, output: Output, messages: Output): Promise<number> {
  const session = new Session({ connection: args.connection, output, messages })
  const isTerminal = args.execute.length === 0 && process.stdin.isTTY
  const shell: Shell = {
    session,
    settings: { ...formatSettings(args.format, process.stdout.isTTY), errexit: !isTerminal, showTimes: isTerminal },
    output,
    messages,
  }
  try {
    await session.connect()
  } catch (error) {
    messages.write(errorText(error))
    return 1
  }
  try {
    if (isTerminal) {
      return await new Interactive({ shell, user: args.user, promptHost: args.promptHost, input: process.stdin }).run()
    }
    return await untilInterrupted(
      session,
      args.execute.length > 0 ? runExecute(shell, args.execute) : runPiped(shell, process.stdin),
    )
  } finally {
    await session.close()
  }
}

/** The first Ctrl-C cancels the statement, so that the server knows; the second ends the process. */
async function untilInterrupted(session: Session, work: Promise<number>): Promise<number> {
  const interrupt = (): void => (session.isRunning ? session.cancel() : process.exit(130))
  process.once('SIGINT', interrupt)
  try {
    return await work
  } finally {
    process.off('SIGINT', interrupt)
  }
}
