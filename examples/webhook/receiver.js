// Receives the requests of a changefeed on http://127.0.0.1:3000/, and prints each change once:
//
//   node receiver.js [port]

import { createServer } from 'node:http'

/** The time of the last change of each row. A receiver that must survive a restart keeps it in its database. */
const seen = new Map()

function receive(message) {
  if (message.resolved !== undefined) {
    console.log('everything up to', message.resolved, 'has come')
    return
  }
  for (const { topic, key, after, updated } of message.payload) {
    if (updated === undefined) throw new Error('create the changefeed WITH updated')
    const row = `${topic} ${JSON.stringify(key)}`
    // Times are texts of the same length, so they can be compared as they are.
    if (updated <= (seen.get(row) ?? '')) continue
    seen.set(row, updated)
    console.log(row, after === null ? 'was deleted' : JSON.stringify(after))
  }
}

const server = createServer(async (request, response) => {
  try {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    receive(JSON.parse(Buffer.concat(chunks).toString()))
    // Only now: whoever acknowledges before the work is done loses it in a crash.
    response.writeHead(200).end()
  } catch (error) {
    console.error(error)
    // The same request comes again.
    response.writeHead(500).end()
  }
})
server.listen(Number(process.argv[2] ?? 3000), '127.0.0.1', () =>
  console.log('listening on port', server.address().port),
)
