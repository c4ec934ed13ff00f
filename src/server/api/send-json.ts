// Writes an answer of the API.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { safeHeaders } from '../../http/console-files.ts'
import { isStream } from './api-request.ts'

export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    ...safeHeaders,
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...headers,
  })
  response.end(text)
}

/** The path is there, but not for this method. Where HEAD itself is refused, GET does not stand for it. */
export function refuseMethod(request: IncomingMessage, response: ServerResponse, methods: readonly string[]): void {
  const allowed = methods.flatMap((method) =>
    method === 'GET' && !isStream(request.url ?? '') ? ['GET', 'HEAD'] : [method],
  )
  const [path] = (request.url ?? '').split('?')
  sendJson(
    response,
    405,
    { error: `${request.method} is not a method of ${path}`, hint: `it takes ${allowed.join(', ')}` },
    { allow: allowed.join(', ') },
  )
}
