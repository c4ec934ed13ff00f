// The files of the console, which `npm run build` has made of the folder console: they are read once, and served as they are. The
// policy in their headers lets a page load nothing that is not of this server, and run no script that stands in the page itself.

import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'

/** Beside the compiled program, and in a checkout where a build puts it. */
const builtFolder = new URL(import.meta.url.endsWith('.ts') ? '../../dist/console/' : '../console/', import.meta.url)

const kinds: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/** A browser that accepts the first of them gets it. */
const encodings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

/** Sent with every answer of the server. */
export const safeHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export class ConsoleFiles {
  readonly #folder: string
  /** The names of the files, with slashes; only these are ever read. */
  readonly #names: ReadonlySet<string>
  readonly #read = new Map<string, Promise<Buffer>>()

  constructor(folder: URL = builtFolder) {
    this.#folder = fileURLToPath(folder)
    const names = existsSync(this.#folder) ? readdirSync(this.#folder, { recursive: true, encoding: 'utf8' }) : []
    this.#names = new Set(names.map((name) => name.replaceAll('\\', '/')))
  }

  get isBuilt(): boolean {
    return this.#names.has('index.html')
  }

  has(path: string): boolean {
    return this.#names.has(path === '/' ? 'index.html' : path.slice(1))
  }

  /** Returns false if there is no such file. */
  async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    const name = path === '/' ? 'index.html' : path.slice(1)
    const kind = kinds[name.slice(name.lastIndexOf('.') + 1)]
    if (kind === undefined || !this.#names.has(name)) return false
    const accepted = String(request.headers['accept-encoding'] ?? '')
    const [encoding, ending] = encodings.find(
      ([word, end]) => new RegExp(`\\b${word}\\b`).test(accepted) && this.#names.has(name + end),
    ) ?? [undefined, '']
    const bytes = await this.#bytesOf(name + ending)
    // Somebody has built the console anew, or taken it away.
    if (bytes === undefined) return false
    response.writeHead(200, {
      ...safeHeaders,
      'content-type': kind,
      'content-length': bytes.length,
      'content-security-policy': policy,
      vary: 'accept-encoding',
      // The names of all others contain a hash of what is in them.
      'cache-control': name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
    })
    response.end(request.method === 'HEAD' ? undefined : bytes)
    return true
  }

  /** Undefined: the file is not there any more. */
  async #bytesOf(name: string): Promise<Buffer | undefined> {
    let bytes = this.#read.get(name)
    if (bytes === undefined) {
      bytes = readFile(this.#folder + name)
      this.#read.set(name, bytes)
    }
    try {
      return await bytes
    } catch {
      this.#read.delete(name)
      return undefined
    }
  }
}
