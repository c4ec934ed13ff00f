// Google's own test server of Pub/Sub (pstest), built once by Go and kept. It knows no credentials and has no troubles: those are the matter
// of pubsub-front.ts, which stands before it.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { until } from '../../support/until.ts'
import { ownGoProgram } from '../go-program.ts'

const startWithinMs = 30_000
const source = fileURLToPath(new URL('server', import.meta.url))

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
    const child = spawn(ownGoProgram('pubsub-server', source), { stdio: ['pipe', 'pipe', 'inherit'] })
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
