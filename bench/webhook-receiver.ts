// The endpoint of the bench of webhooks, in a process of its own: it reads each request and acknowledges it, and keeps the bodies while it
// is told to. Forked by webhook.ts.

import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { certificateOf } from '../test/support/servers/certificates.ts'

/** `keep`: keeps bodies from here on; `write`: writes them to the file, one after the other with their lengths before them. */
export type Asked = { readonly tag: 'keep' } | { readonly tag: 'write'; readonly file: string }

const { cert, key } = certificateOf('webhook')
let kept: Buffer[] | undefined
const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  void (async () => {
    const body = await buffer(request)
    kept?.push(body)
    response.writeHead(200).end()
  })()
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('message', (asked: Asked) => {
  if (asked.tag === 'keep') {
    kept = []
    return
  }
  const parts = (kept ?? []).flatMap((body) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    return [length, body]
  })
  kept = undefined
  writeFileSync(asked.file, Buffer.concat(parts))
  process.send?.({ written: true })
})
process.on('disconnect', () => process.exit())
