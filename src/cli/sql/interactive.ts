// The shell on a terminal: prompt, history, statements over several lines, Ctrl-C.
//
//   root@:26257/defaultdb> SELECT
//                       -> 1;
//
// While a statement runs, the terminal is in its ordinary mode, so that Ctrl-C becomes a signal and cancels the statement.

import { createInterface, type Interface } from 'node:readline'
import { isCommand, runCommand } from './commands.ts'
import { complete } from './completion.ts'
import { errorText } from './error-text.ts'
import { HistoryFile, historyEntry, maxHistory } from './history-file.ts'
import type { Shell } from './shell.ts'
import { StatementBuffer } from './statement-split.ts'

export interface InteractiveOptions {
  readonly shell: Shell
  readonly user: string
  readonly promptHost: string
  readonly input: NodeJS.ReadStream
}

export class Interactive {
  readonly #options: InteractiveOptions
  readonly #shell: Shell
  readonly #history = new HistoryFile()
  readonly #buffer = new StatementBuffer()
  readonly #interface: Interface
  /** Typed or pasted lines that have not been run yet. */
  readonly #lines: string[] = []
  #statementLines: string[] = []
  /** The history of the readline interface, the newest entry first. */
  #entries: string[] = []
  #entriesOfStatement = 0
  #wake = Promise.withResolvers<void>()
  #isClosed = false

  constructor(options: InteractiveOptions) {
    this.#options = options
    this.#shell = options.shell
    this.#interface = createInterface({
      input: options.input,
      output: process.stdout,
      terminal: true,
      history: this.#history.read(),
      historySize: maxHistory,
      completer: (line, done) => {
        complete(`${this.#buffer.pending}\n${line}`, (sql) => this.#shell.session.ask(sql)).then(
          (found) => done(null, found),
          () => done(null, [[], line]),
        )
      },
    })
    this.#interface.on('line', (line) => {
      this.#lines.push(line)
      this.#wake.resolve()
    })
    this.#interface.on('history', (entries) => {
      this.#entries = entries
      this.#entriesOfStatement += 1
    })
    this.#interface.on('SIGINT', () => this.#interrupt())
    this.#interface.on('close', () => {
      this.#isClosed = true
      this.#wake.resolve()
    })
  }

  /** Settles with the exit code when the user leaves, or a statement has failed and errexit is set. */
  async run(): Promise<number> {
    let code = 0
    const { output, session } = this.#shell
    const cancel = (): void => session.cancel()
    process.on('SIGINT', cancel)
    output.write('# Statements end with a semicolon; \\? lists commands, \\q leaves.\n')
    try {
      for (;;) {
        const line = await this.#nextLine()
        const outcome = line === undefined ? 'quit' : await this.#take(line)
        if (outcome === 'failed' && this.#shell.settings.errexit) code = 1
        if (outcome === 'quit' || code !== 0) break
      }
    } finally {
      process.off('SIGINT', cancel)
      this.#interface.close()
    }
    await output.finish()
    return code
  }

  async #nextLine(): Promise<string | undefined> {
    const { output, messages } = this.#shell
    await output.finish()
    await messages.finish()
    this.#options.input.setRawMode(true)
    this.#interface.resume()
    while (this.#lines.length === 0 && !this.#isClosed) {
      this.#wake = Promise.withResolvers<void>()
      this.#prompt()
      await this.#wake.promise
    }
    const line = this.#lines.shift()
    if (line === undefined) {
      output.write('\n')
      return undefined
    }
    this.#interface.pause()
    this.#options.input.setRawMode(false)
    return line
  }

  async #take(line: string): Promise<'stay' | 'quit' | 'failed'> {
    if (this.#buffer.isEmpty && isCommand(line)) {
      this.#remember([line])
      return runCommand(this.#shell, line)
    }
    // `\q` leaves the shell even in the middle of a statement.
    if (line.trim() === '\\q' && !this.#buffer.isQuoted) return 'quit'
    this.#statementLines.push(line)
    const statements = this.#buffer.push(line)
    if (this.#buffer.isEmpty) this.#remember(this.#statementLines.splice(0))
    for (const sql of statements) {
      if (!(await this.#runOne(sql))) return 'failed'
    }
    return 'stay'
  }

  async #runOne(sql: string): Promise<boolean> {
    const { session, settings, output, messages } = this.#shell
    const startedAt = performance.now()
    try {
      await session.run(sql, settings)
      if (settings.showTimes) output.write(`\nTime: ${Math.round(performance.now() - startedAt)}ms\n\n`)
      return true
    } catch (error) {
      await output.finish()
      messages.write(errorText(error, sql))
      return false
    }
  }

  #prompt(): void {
    const { user, promptHost } = this.#options
    const { session } = this.#shell
    const marks: Readonly<Record<string, string>> = { T: '  OPEN', E: '  ERROR' }
    const first = `${user}@${promptHost}/${session.database}${marks[session.transactionStatus ?? 'I'] ?? ''}> `
    this.#interface.setPrompt(this.#buffer.isEmpty ? first : `${' '.repeat(Math.max(0, first.length - 3))}-> `)
    this.#interface.prompt()
  }

  /** Handles Ctrl-C at the prompt. */
  #interrupt(): void {
    const isBlank = this.#interface.line === '' && this.#buffer.isEmpty
    this.#buffer.take()
    this.#statementLines = []
    this.#interface.write(null, { ctrl: true, name: 'e' })
    this.#interface.write(null, { ctrl: true, name: 'u' })
    process.stdout.write(isBlank ? '^C\nUse \\q or Ctrl-D to leave.\n' : '^C\n')
    this.#prompt()
  }

  /** Adds the lines of one statement to the history as one entry. */
  #remember(lines: readonly string[]): void {
    const entry = historyEntry(lines)
    if (entry === undefined) for (const line of lines) this.#history.append(line)
    else if (entry !== '') {
      if (lines.length > 1) this.#entries.splice(0, this.#entriesOfStatement, entry)
      this.#history.append(entry)
    }
    this.#entriesOfStatement = 0
  }
}
