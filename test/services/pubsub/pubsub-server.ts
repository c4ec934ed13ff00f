// Google's own test server of Pub/Sub (pstest), built once by Go and kept. It knows no credentials and has no troubles: those are the matter
// of pubsub-front.ts, which stands before it.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { until } from '../../support/until.ts'
import { keptFolder } from '../kept-folder.ts'

const startWithinMs = 30_000
const source = fileURLToPath(new URL('server', import.meta.url))

/** For `test(name, { skip }, …)`. Where Go is missing the tests are skipped and say so; in CI that is a failure. */
export const skipWithoutPubsub: string | false =
  process.env['CI'] === undefined && spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0
    ? 'there is no server of Pub/Sub to be had: go is not installed'
    : false

/** A message as the server has it. */
export interface PublishedMessage {
  /** Its place in the order in which all messages were published. */
  readonly n: number
  /** `projects/…/topics/…` */
  readonly topic: string
  readonly orderingKey: string
  readonly attributes: Readonly<Record<string, string>>
  readonly data: Buffer
}

export class PubsubServer implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #pages: string
  /** host:port */
  readonly address: string

  private constructor(child: ChildProcess, address: string, pages: string) {
    this.#child = child
    this.address = address
    this.#pages = pages
  }

  static async start(): Promise<PubsubServer> {
    const child = spawn(program(), { stdio: ['pipe', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (said: string) => (output += said))
    try {
      const [, address = '', pages = ''] = await until('the server of Pub/Sub listens', startWithinMs, () => {
        if (child.exitCode !== null) throw new Error('the server of Pub/Sub has ended')
        return /^(\S+) (\S+)\n/.exec(output) ?? undefined
      })
      return new PubsubServer(child, address, pages)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  /** Returns what was published to the topics of a project, from the message `from` on. */
  async published(project: string, from = 0): Promise<readonly PublishedMessage[]> {
    // Without an agent no connection stays open.
    const request = get(`http://${this.#pages}/messages?project=${project}&from=${from}`, { agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const lines = (await text(response)).split('\n').filter((line) => line !== '')
    return lines.map((line) => {
      const { data, attributes, ...message } = JSON.parse(line) as PublishedLine
      return { ...message, attributes: attributes ?? {}, data: Buffer.from(data ?? '', 'base64') }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await ended
  }
}

interface PublishedLine extends Omit<PublishedMessage, 'data' | 'attributes'> {
  readonly data: string | null
  readonly attributes: Readonly<Record<string, string>> | null
}

function program(): string {
  const folder = keptFolder({
    name: 'pubsub-server',
    madeOf: ['main.go', 'go.mod', 'go.sum'].map((file) => join(source, file)),
    fill: (into) => {
      const made = spawnSync('go', ['build', '-o', join(into, 'pubsub-server'), '.'], { cwd: source, encoding: 'utf8' })
      if (made.status !== 0) throw new Error(`Go could not build the server of Pub/Sub: ${made.stderr}`)
    },
  })
  return join(folder, 'pubsub-server')
}
