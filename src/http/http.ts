// HTTP: health for probes, metrics for Prometheus, the files of the console, and the API that the console uses, which the caller of
// `startHttp` answers. Here nothing changes anything, with one exception: a process of this machine may request a shutdown, if the
// caller allows it.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { isMeantForUs } from './check-host.ts'
import { checkParameters } from './check-parameters.ts'
import { FeedError } from '../errors/feed-error.ts'
import { listenAt } from '../errors/listen-at.ts'
import { ConsoleFiles, safeHeaders } from './console-files.ts'
import { isFromOwnProgram } from './from-here.ts'

export interface HttpOptions {
  readonly host: string
  readonly port: number
  /** Names of this server that requests may use, in addition to localhost and its address. */
  readonly names: readonly string[]
  /** Why SQL cannot be run now; undefined: it can. */
  readonly unready: () => Promise<string | undefined>
  /** Problems of changefeeds in single databases, while the server itself works. */
  readonly problems: () => readonly HealthProblem[]
  /** Returns the metrics in the text format of Prometheus, as ?visibility= asks; undefined: there is no such visibility. */
  readonly metrics: (visibility: string | undefined) => Promise<string | Uint8Array | undefined>
  /** Answers the requests below `prefix`. */
  readonly api?: {
    readonly prefix: string
    answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void>
  }
  readonly shutdown?: () => void
  readonly patience?: Partial<Patience>
  /** Does the handshakes of clients that begin with TLS, which they may at the same port; undefined: there is none. */
  readonly tls?: WebTls | undefined
}

/** Whoever takes longer is disconnected. */
export interface Patience {
  /** For the head of a request. */
  readonly headMs: number
  /** For taking any of an answer that is complete. */
  readonly answerMs: number
}

const patience: Patience = { headMs: 60_000, answerMs: 60_000 }

export interface WebTls {
  beginWeb(socket: Socket): void
  onWebReady(ready: (socket: Duplex) => void): void
}

export interface HealthProblem {
  /** The name of the database; undefined if the problem concerns all of them. */
  readonly database?: string | undefined
  readonly error: string
  readonly hint?: string | undefined
}

export interface HttpServer {
  readonly port: number
  close(): Promise<void>
}

export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const files = new ConsoleFiles()
  const { tls } = options
  const { headMs, answerMs } = { ...patience, ...options.patience }
  const limits = { headersTimeout: headMs, connectionsCheckingInterval: Math.min(30_000, headMs) }
  const server = createServer(limits, (request, response) => {
    answer({ ...options, files }, request, response)
      .catch((error: unknown) => {
        if (response.headersSent) response.destroy()
        else json(response, 500, { error: error instanceof Error ? error.message : String(error) })
      })
      .finally(() => {
        // What nobody takes stays in memory.
        if (response.writableEnded && !response.writableFinished)
          response.setTimeout(answerMs, () => response.destroy())
      })
  })
  server.maxConnections = mostConnections
  server.on('clientError', answerUnread)
  const sockets = tls === undefined ? new Set<Socket>() : takeBothKinds(server, tls)
  const port = await listenAt(server, { host: options.host, port: options.port, flag: '--http-addr' })
  return {
    port,
    async close(): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

const unread: Readonly<Record<string, readonly [status: string, error: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the head of the request is too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request took too long'],
}

/** Answers what is no request at all in the form of all errors. */
function answerUnread(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, text] = unread[error.code ?? ''] ?? ['400 Bad Request', 'this is no request of HTTP']
  const body = `${JSON.stringify({ error: text })}\n`
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
}

/** The first byte of a TLS handshake, which no request begins with. */
const handshakeByte = 0x16
/** A client that says nothing is disconnected. */
const silentMs = 20_000
/** Each takes a file handle, and without handles the server could not write its changelog. */
const mostConnections = 1000

/**
 * Makes a server take clients that begin with TLS, and those that do not. It is the server of HTTP that listens, because its limits of time are
 * for connections of a server that does. Returns the connections, which grow and shrink.
 */
function takeBothKinds(server: Server, tls: WebTls): Set<Socket> {
  const [readRequests] = server.listeners('connection') as ((socket: Duplex) => void)[]
  const begin = (socket: Duplex): void => readRequests?.call(server, socket)
  server.removeAllListeners('connection')
  tls.onWebReady(begin)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    const timer = setTimeout(() => socket.destroy(), silentMs)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      clearTimeout(timer)
      sockets.delete(socket)
    })
    socket.once('data', (chunk: Buffer) => {
      clearTimeout(timer)
      socket.pause()
      socket.unshift(chunk)
      if (chunk[0] === handshakeByte) tls.beginWeb(socket)
      else {
        begin(socket)
        socket.resume()
      }
    })
  })
  return sockets
}

async function answer(
  options: HttpOptions & { readonly files: ConsoleFiles },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isMeantForUs(request, options.names)) {
    json(response, 421, {
      error: 'this server does not go by the name in the Host header',
      hint: 'use localhost or its address, or start the server with --http-allowed-hosts=NAME',
    })
    return
  }
  if (isOfForeignPage(request)) {
    json(response, 403, { error: 'the page of another site may not ask this server' })
    return
  }
  // The base keeps a path that begins with two slashes from being read as the name of a machine.
  const target = request.url ?? '/'
  const url = URL.parse(target.startsWith('/') ? `http://localhost${target}` : target, 'http://localhost')
  if (url === null) {
    json(response, 400, { error: 'the path cannot be read' })
    return
  }
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (!isRead && (url.pathname === '/health' || metricsPaths.includes(url.pathname)))
    return refuse(request, response, 'GET, HEAD')
  const known =
    url.pathname === '/health' ? ['ready'] : metricsPaths.includes(url.pathname) ? ['visibility'] : undefined
  if (known !== undefined)
    try {
      checkParameters(url, known)
    } catch (error) {
      if (!(error instanceof FeedError)) throw error
      return json(response, 400, { error: error.message, hint: error.hint })
    }
  if (url.pathname === '/health') {
    const reason = url.searchParams.has('ready') ? await options.unready() : undefined
    if (reason !== undefined) json(response, 503, { error: reason })
    else {
      const problems = options.problems()
      json(response, 200, problems.length === 0 ? {} : { problems })
    }
  } else if (metricsPaths.includes(url.pathname)) {
    const text = await options.metrics(url.searchParams.get('visibility') ?? undefined)
    if (text === undefined) return json(response, 400, { error: 'visibility is all, support or essential' })
    response.writeHead(200, { ...safeHeaders, 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(text)
  } else if (url.pathname === '/_admin/shutdown' && options.shutdown !== undefined && isFromOwnProgram(request)) {
    if (request.method !== 'POST') return refuse(request, response, 'POST')
    json(response, 200, {})
    response.on('finish', options.shutdown)
  } else if (options.api !== undefined && url.pathname.startsWith(options.api.prefix)) {
    await options.api.answer(request, response, url)
  } else if (isRead && (await options.files.answer(request, response, url.pathname))) {
    return
  } else if (url.pathname === '/' && isRead) {
    response.writeHead(200, { ...safeHeaders, 'content-type': 'text/html; charset=utf-8' })
    response.end(frontPage)
  } else if (!isRead && (url.pathname === '/' || options.files.has(url.pathname)))
    refuse(request, response, 'GET, HEAD')
  else json(response, 404, { error: `nothing at ${request.method ?? ''} ${url.pathname}` })
}

const metricsPaths: readonly string[] = ['/_status/vars', '/metrics']

/** In a checkout in which nobody has built the console. */
const frontPage = `<!doctype html>
<title>pg-changefeed</title>
<p>The console is not built: <code>npm run build</code>, then load this page again.</p>
<p><a href="/health">/health</a>: the problems of changefeeds; with <a href="/health?ready=1">?ready=1</a>, whether SQL can be run</p>
<p><a href="/_status/vars">/_status/vars</a>: metrics for Prometheus</p>
`

/**
 * Returns whether a page of another site has made a browser send this, which cannot read the answer, but could keep the server busy with
 * questions. Following a link to here is no such thing.
 */
function isOfForeignPage({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  return (site === 'cross-site' || site === 'same-site') && headers['sec-fetch-dest'] !== 'document'
}

function refuse(request: IncomingMessage, response: ServerResponse, allow: string): void {
  const [path] = (request.url ?? '').split('?')
  json(response, 405, { error: `${request.method} is not a method of ${path}`, hint: `it takes ${allow}` }, { allow })
}

function json(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...safeHeaders, 'content-type': 'application/json; charset=utf-8', ...headers })
  response.end(`${JSON.stringify(body)}\n`)
}
