// Runs statements without a terminal: those of -e, or of standard input. They run in order until one fails.

import type { Readable } from 'node:stream'
import { FeedError } from '../../errors/feed-error.ts'
import { isCommand, runCommand } from './commands.ts'
import { errorText } from './error-text.ts'
import type { Shell } from './shell.ts'
import { splitStatements, StatementBuffer } from './statement-split.ts'
import { utf8Lines } from './utf8-lines.ts'

/** Settles with the exit code. */
export async function runExecute(shell: Shell, texts: readonly string[]): Promise<number> {
  for (const text of texts) {
    if (isCommand(text)) {
      if ((await runCommand(shell, text)) === 'quit') return 0
      continue
    }
    for (const { sql } of splitStatements(text)) {
      if (!(await runOne(shell, sql))) return 1
    }
  }
  return 0
}

export async function runPiped(shell: Shell, input: Readable): Promise<number> {
  try {
    return await runLines(shell, input)
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    await shell.output.finish()
    shell.messages.write(errorText(error))
    return 1
  } finally {
    // The writer may keep the pipe open, which must not keep the shell alive.
    input.destroy()
  }
}

async function runLines(shell: Shell, input: Readable): Promise<number> {
  const buffer = new StatementBuffer()
  for await (const line of utf8Lines(input)) {
    if (buffer.isEmpty && isCommand(line)) {
      if ((await runCommand(shell, line)) === 'quit') return 0
      continue
    }
    for (const sql of buffer.push(line)) {
      if (!(await runOne(shell, sql)) && shell.settings.errexit) return 1
    }
  }
  const rest = buffer.take()
  return rest === undefined || (await runOne(shell, rest)) ? 0 : 1
}

async function runOne(shell: Shell, sql: string): Promise<boolean> {
  try {
    await shell.session.run(sql, shell.settings)
    return true
  } catch (error) {
    if (!shell.output.isClosed) {
      await shell.output.finish()
      shell.messages.write(errorText(error, sql))
    }
    return false
  }
}
