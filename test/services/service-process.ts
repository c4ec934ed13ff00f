// A service that is a process of its own, which ends when the test does, whatever happens to it. It can be stopped, killed, frozen and
// started again.

import { spawn, type ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { stopProcesses } from '../support/stop-processes.ts'
import { until } from '../support/until.ts'

const startWithinMs = 60_000
const stopWithinMs = 20_000
const keptOutput = 100_000
const living = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

export interface ServiceCommand {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Asked again and again with what the process has said since its start. */
  readonly isReady: (output: string) => boolean | Promise<boolean>
  readonly startWithinMs?: number
}

export class ServiceProcess implements AsyncDisposable {
  readonly #command: ServiceCommand
  readonly #endedByItself = Promise.withResolvers<void>()
  #child: ChildProcess | undefined
  #output = ''

  constructor(command: ServiceCommand) {
    this.#command = command
  }

  static async start(command: ServiceCommand): Promise<ServiceProcess> {
    const service = new ServiceProcess(command)
    await service.restart()
    return service
  }

  /** Settles when the process ends without having been stopped by this object. */
  get endedByItself(): Promise<void> {
    return this.#endedByItself.promise
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async restart(): Promise<void> {
    const { name, command, args, env, cwd, isReady, startWithinMs: withinMs = startWithinMs } = this.#command
    const child = spawn(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    living.add(child)
    child.once('exit', () => {
      living.delete(child)
      if (this.#child === child) this.#endedByItself.resolve()
    })
    this.#child = child
    this.#output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output = (this.#output + text).slice(-keptOutput)))
    try {
      await until(`${name} is ready`, withinMs, async () => {
        if (hasEnded(child)) throw new Error(`${name} ended: ${this.#output.slice(-3000)}`)
        return (await isReady(this.#output)) ? true : undefined
      })
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** It stops where it is, with its connections open, and goes on when it is thawed. */
  freeze(): void {
    if (this.#child?.pid !== undefined && !hasEnded(this.#child)) stopProcesses([this.#child.pid])
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || hasEnded(child)) return
    const ended = new Promise((done) => child.once('exit', done))
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    await ended
    clearTimeout(timer)
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

/** Whether something listens at a port of 127.0.0.1. */
export function takesConnections(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
