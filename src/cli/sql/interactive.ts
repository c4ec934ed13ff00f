// The shell in a terminal: prompts, statements over several lines, history, Ctrl-C.

import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { runMeta } from './meta-commands.ts'
import type { ShellSession } from './session.ts'
import { cutStatements } from './statements.ts'

const historyFile = join(homedir(), '.changefeed_history')
const historySize = 1000

export async function interact(session: ShellSession): Promise<number> {
  process.stdout.write('# Statements end with a semicolon. \\? lists commands, \\q leaves.\n')
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    history: readHistory(),
    historySize,
    removeHistoryDuplicates: true,
  })
  const prompt = (isMore: boolean): void => {
    const main = `root@${session.database}> `
    lines.setPrompt(isMore ? `${' '.repeat(main.length - 4)} -> ` : main)
    lines.prompt()
  }
  let held = ''
  let isBusy = false
  const { promise, resolve } = Promise.withResolvers<number>()
  lines.on('SIGINT', () => {
    if (session.isRunning) session.cancel()
    else if (held === '' && lines.line === '') process.stdout.write('\n# \\q or Ctrl-D leaves.\n')
    held = ''
    if (!isBusy) {
      process.stdout.write('\n')
      lines.write(null, { ctrl: true, name: 'u' })
      prompt(false)
    }
  })
  lines.on('close', () => resolve(0))
  lines.on('line', (line) => {
    void (async () => {
      remember(line)
      const isMeta = held === '' && /^\s*(?:\\|exit\s*;?$|quit\s*;?$|help\s*;?$)/.test(line)
      isBusy = true
      if (isMeta) {
        if ((await runMeta(line, session)) === 'quit') {
          lines.close()
          return
        }
      } else {
        const { statements, rest } = cutStatements(held === '' ? line : `${held}\n${line}`)
        held = rest
        for (const sql of statements) if (!(await session.run(sql))) break
      }
      isBusy = false
      prompt(held !== '')
    })()
  })
  prompt(false)
  return promise
}

function readHistory(): string[] {
  if (!existsSync(historyFile)) return []
  return readFileSync(historyFile, 'utf8').split('\n').filter((line) => line !== '').slice(-historySize).reverse()
}

function remember(line: string): void {
  if (line.trim() === '') return
  try {
    appendFileSync(historyFile, `${line}\n`, { mode: 0o600 })
  } catch {
    // No home to write to: the history lives as long as the shell.
  }
}
