// The shell: `changefeed sql`. It reads statements from -e, a pipe or a terminal, and prints results as table, CSV, TSV or NDJSON.
//
// Rows are printed when they arrive; only a table waits for the end of the result. So a core changefeed can be read in the shell
// or piped into another program. If the reader is slow, the shell stops reading from the server. It uses the driver
// node-postgres and works with any PostgreSQL. It understands no SQL except where a statement ends, and sends no COPY data.
//
// Exit codes: 0; 1 if a statement failed or no server was reached; 141 if the reader of the output has gone.

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
      return await new Interactive({
        shell,
        user: args.connection.source.user,
        promptHost: args.connection.promptHost,
        input: process.stdin,
      }).run()
    }
    return await untilInterrupted(
      session,
      args.execute.length > 0 ? runExecute(shell, args.execute) : runPiped(shell, process.stdin),
    )
  } finally {
    await session.close()
  }
}

/** The first Ctrl-C cancels the statement in the server; the second one ends the process. */
async function untilInterrupted(session: Session, work: Promise<number>): Promise<number> {
  const interrupt = (): void => (session.isRunning ? session.cancel() : process.exit(130))
  process.once('SIGINT', interrupt)
  try {
    return await work
  } finally {
    process.off('SIGINT', interrupt)
  }
}
