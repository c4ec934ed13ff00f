// Requests to the API of the server.

import type { ErrorAnswer } from '../../src/server/api/answers.ts'
import { answered, failed, waits } from './reach.ts'

const prefix = './api/v1/'
/** Pages of other sites cannot send it. */
const headers = { 'x-changefeed-console': '1' }

/** A request that has no answer by then is given up, and made anew by who needs it. */
const mostMs = 30_000

/** What the server has refused, in its words. */
export class ApiError extends Error {
  readonly status: number
  readonly answer: ErrorAnswer

  constructor(status: number, answer: ErrorAnswer) {
    super(answer.error)
    this.status = status
    this.answer = answer
  }

  /** Nobody has answered: the frame of the pages says so, for all of them. */
  get isUnreachable(): boolean {
    return this.status === 0
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
  const late = AbortSignal.timeout(mostMs)
  return read<T>(
    await ask(addressOf(path, parameters), { signal: signal === undefined ? late : AbortSignal.any([signal, late]) }),
  )
}

/** A statement may take its time, so without `signal` a request of this kind waits as long as it takes. */
export async function post<T>(path: string, body: object = {}, signal?: AbortSignal): Promise<T> {
  const text = JSON.stringify(body)
  return read<T>(
    await ask(addressOf(path), { method: 'POST', body: text, ...(signal === undefined ? {} : { signal }) }),
  )
}

/** The same for what only asks. */
export async function postQuestion<T>(path: string, body: object): Promise<T> {
  return post<T>(path, body, AbortSignal.timeout(mostMs))
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

interface Asked extends Omit<RequestInit, 'signal'> {
  readonly signal?: AbortSignal
}

async function ask(address: string, init: Asked): Promise<Response> {
  const begun = waits()
  try {
    const response = await fetch(address, { ...init, headers: { ...headers, 'content-type': 'application/json' } })
    answered()
    return response
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    failed()
    throw unreachable()
  } finally {
    begun.over()
  }
}

export function unreachable(): ApiError {
  return new ApiError(0, {
    error: 'The server does not answer.',
    hint: 'Is it running? This page tries again by itself.',
  })
}

async function read<T>(response: Response): Promise<T> {
  // The connection may break in the middle of an answer.
  const text = await response.text().catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    failed()
    throw unreachable()
  })
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    answer = { error: text.trim() === '' ? `The server answered with status ${response.status}.` : text.trim() }
  }
  if (response.ok) return answer as T
  throw new ApiError(response.status, answer as ErrorAnswer)
}
