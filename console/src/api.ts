// Requests to the API of the server.

import type { ErrorAnswer } from '../../src/server/api/answers.ts'

const prefix = './api/v1/'
/** Pages of other sites cannot send it. */
const headers = { 'x-changefeed-console': '1' }

/** What the server has refused, in its words. */
export class ApiError extends Error {
  readonly status: number
  readonly answer: ErrorAnswer

  constructor(status: number, answer: ErrorAnswer) {
    super(answer.error)
    this.status = status
    this.answer = answer
  }
}

export type Parameters = Readonly<Record<string, string | number | readonly string[] | undefined>>

export function addressOf(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === '') continue
    if (typeof value === 'object') for (const one of value) query.append(name, one)
    else query.set(name, String(value))
  }
  const text = query.toString()
  return `${prefix}${path}${text === '' ? '' : `?${text}`}`
}

export async function get<T>(path: string, parameters?: Parameters, signal?: AbortSignal): Promise<T> {
  return read<T>(await ask(addressOf(path, parameters), { signal: signal ?? null }))
}

export async function post<T>(path: string, body: object = {}): Promise<T> {
  const text = JSON.stringify(body)
  return read<T>(await ask(addressOf(path), { method: 'POST', body: text }))
}

/** Opens a stream of lines of JSON. */
export async function openLines(
  path: string,
  parameters: Parameters,
  signal: AbortSignal,
): Promise<ReadableStream<string>> {
  const response = await ask(addressOf(path, parameters), { signal })
  if (!response.ok || response.body === null) await read(response)
  return (response.body as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream())
}

async function ask(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, { ...init, headers: { ...headers, 'content-type': 'application/json' } })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, {
      error: 'The server does not answer.',
      hint: 'Is it running? This page tries again by itself.',
    })
  }
}

async function read<T>(response: Response): Promise<T> {
  const text = await response.text()
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    answer = { error: text.trim() === '' ? `The server answered with status ${response.status}.` : text.trim() }
  }
  if (response.ok) return answer as T
  throw new ApiError(response.status, answer as ErrorAnswer)
}
