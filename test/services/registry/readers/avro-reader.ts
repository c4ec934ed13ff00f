// An Avro decoder that is not ours and not avsc, in a process of its own. It asks the registry for the schema of each
// message, and prints messages in Avro's JSON encoding without spaces: `{"after":{"t":{"a":{"long":1}}}}`.

import { spawn } from 'node:child_process'

export interface ReadTopics {
  readonly broker: string
  /** URL of the registry. */
  readonly registry: string
  readonly topics: readonly string[]
  /** Messages of all topics together. */
  readonly count: number
}

export interface KeyAndValue {
  readonly key: string
  readonly value: string
}

export interface EncodedMessage {
  readonly bytes: Uint8Array
  /** With which the reader sees it; undefined: with the one of the message. */
  readonly reader?: string | undefined
}

export interface AvroReader {
  readonly name: string
  /** The first messages of the topics; those of a partition in their order. */
  consume(request: ReadTopics): Promise<KeyAndValue[]>
  /** Each message as text; `error: …` for one that cannot be read. */
  decode(registry: string, messages: readonly EncodedMessage[]): Promise<string[]>
}

export const consumeWithinS = 40
const runWithinMs = 120_000

export interface ReaderProcess {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** Runs a reader to its end; the lines that it prints. The event loop goes on: a front may run in this process. */
export async function linesOf({ command, args, env, input = '' }: ReaderProcess): Promise<string[]> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    timeout: runWithinMs,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => undefined).end(input)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('error', reject)
  child.once('close', () => resolve())
  await promise
  if (child.exitCode !== 0) throw new Error(`${command} failed: ${stderr.slice(-3000)}${stdout.slice(-1000)}`)
  return stdout.split('\n').slice(0, -1)
}

/** The input of `decode`. */
export function inLines(messages: readonly EncodedMessage[]): string {
  const encoded = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64')
  return messages
    .map(({ bytes, reader }) => `${encoded(bytes)}${reader === undefined ? '' : `\t${encoded(reader)}`}\n`)
    .join('')
}

export function keyAndValue(line: string): KeyAndValue {
  const tab = line.indexOf('\t')
  return { key: line.slice(0, tab), value: line.slice(tab + 1) }
}
