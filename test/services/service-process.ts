// A service that is a process of its own, which ends when the test does, whatever happens to it.

import { spawn, type ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { until } from '../support/until.ts'

const startWithinMs = 60_000
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
  /** Of 127.0.0.1. The service is ready when it takes connections there. */
  readonly port: number
}

export class ServiceProcess implements AsyncDisposable {
  readonly #command: ServiceCommand
  #child: ChildProcess | undefined
  #output = ''

  private constructor(command: ServiceCommand) {
    this.#command = command
  }

  static async start(command: ServiceCommand): Promise<ServiceProcess> {
    const service = new ServiceProcess(command)
    await service.restart()
    return service
  }

  async restart(): Promise<void> {
    const { name, command, args, env, cwd, port } = this.#command
    const child = spawn(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    living.add(child)
    child.once('exit', () => living.delete(child))
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output = (this.#output + text).slice(-20_000)))
    await until(`${name} is ready`, startWithinMs, async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} ended: ${this.#output}`)
      return (await takesConnections(port)) ? true : undefined
    })
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((done) => child.once('exit', done))
    child.kill('SIGKILL')
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
