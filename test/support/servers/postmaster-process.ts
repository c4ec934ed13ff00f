// One run of a PostgreSQL under test. When the process of the test ends, whatever the reason, so does the server.

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Binaries } from '../../../src/postgres/embedded/binaries.ts'
import type { ServerUser } from '../../../src/postgres/embedded/server-user.ts'
import { until } from '../until.ts'

const readyWithinMs = 60_000
const endsWithinMs = 60_000

export interface PostmasterOptions {
  readonly dir: string
  readonly binaries: Binaries
  readonly user: ServerUser | undefined
  /** Settings that no ALTER SYSTEM can change. */
  readonly flags: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string>>
  /** The file that the server logs to. */
  readonly log: string
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGQUIT')
})

export class PostmasterProcess {
  readonly #child: ChildProcess
  readonly exited: Promise<void>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.exited = new Promise((resolve) => {
      child.once('error', () => resolve())
      child.once('exit', () => resolve())
    })
    running.add(child)
    void this.exited.then(() => running.delete(child))
  }

  /**
   * Settles when it lets clients in; throws what the server has logged when it ends instead. After kill -9 of the postmaster its
   * other processes may take a moment to end, and until then PostgreSQL refuses to start.
   */
  static async start(options: PostmasterOptions): Promise<PostmasterProcess> {
    for (const deadline = Date.now() + endsWithinMs; ;) {
      try {
        return await PostmasterProcess.#begin(options)
      } catch (error) {
        if (!/pre-existing shared memory block/.test((error as Error).message) || Date.now() > deadline) throw error
        // Nobody but PostgreSQL itself can say whether they have ended.
        await delay(100)
      }
    }
  }

  static async #begin({ dir, binaries, user, flags, environment, log }: PostmasterOptions): Promise<PostmasterProcess> {
    const output = openSync(log, 'a')
    const args = Object.entries(flags).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(binaries.postgres, ['-D', dir, ...args], {
      ...user,
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC', ...environment },
      stdio: ['ignore', output, output],
      detached: true,
    })
    closeSync(output)
    const started = new PostmasterProcess(child)
    try {
      await until(`PostgreSQL in ${dir} is ready`, readyWithinMs, () => {
        if (started.hasEnded) throw new Error(`PostgreSQL did not start: ${readFileSync(log, 'utf8').slice(-2000)}`)
        const lines = pidFile(dir)
        return Number(lines[0]) === child.pid && ['ready', 'standby'].includes(lines[7]?.trim() ?? '')
          ? true
          : undefined
      })
    } catch (error) {
      await started.stop('immediate')
      throw error
    }
    return started
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined
  }

  /** `crash` is kill -9 of the postmaster; its other processes notice that and end. */
  async stop(mode: 'fast' | 'immediate' | 'crash'): Promise<void> {
    if (this.hasEnded) return
    this.#child.kill(({ fast: 'SIGINT', immediate: 'SIGQUIT', crash: 'SIGKILL' } as const)[mode])
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endsWithinMs)
    await this.exited
    clearTimeout(timer)
  }
}

function pidFile(dir: string): readonly string[] {
  try {
    return readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return []
  }
}
