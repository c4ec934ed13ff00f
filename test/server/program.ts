// The program as a user runs it: a command in a process of its own, its output as text.

import assert from 'node:assert/strict'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { until } from '../support/until.ts'
import { main } from './run-main.ts'

const withinMs = 60_000

export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Another program of this project. */
  readonly script?: string
}

export interface ProgramResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** One run of `changefeed …`, read while it goes on. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly ended: Promise<ProgramResult>
  stdout = ''
  stderr = ''
  #lines = 0

  constructor(args: readonly string[], { cwd, env, script = main }: ProgramOptions = {}) {
    this.#child = spawn(process.execPath, [script, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd,
      env: { ...process.env, ...env },
    })
    this.#child.stdin.on('error', () => undefined)
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lines += 1
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }))
    })
  }

  get pid(): number {
    assert.ok(this.#child.pid !== undefined)
    return this.#child.pid
  }

  get stdin(): Writable {
    return this.#child.stdin
  }

  /** Stops and starts the reading of its output: a slow reader. */
  get stdoutPipe(): Readable {
    return this.#child.stdout
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Waits for that many whole lines of output. */
  async lines(count: number): Promise<string[]> {
    return until(`${count} lines of output`, withinMs, () => {
      if (this.#lines >= count) return this.stdout.split('\n').slice(0, -1)
      if (this.hasEnded)
        throw new Error(`it ended after ${this.#lines} lines: ${this.stdout.slice(-1000)}${this.stderr}`)
      return undefined
    })
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    this.#child.stdout.resume()
    await this.ended
  }
}

/** Runs it to its end. */
export async function program(
  args: readonly string[],
  options: ProgramOptions & { readonly input?: string | Uint8Array } = {},
): Promise<ProgramResult> {
  await using run = new Program(args, options)
  run.stdin.end(options.input ?? '')
  return await run.ended
}
