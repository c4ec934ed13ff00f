// For tests: ingest as a process of its own, that can be killed. Started with a JSON of the source and the folder of the
// changelog; every message of ingest is a line on stdout.

import { logInFolder, openChangelog } from '../../src/changelog/open-changelog.ts'
import { Ingest } from '../../src/ingest/run-ingest.ts'
import type { SourceConnection } from '../../src/postgres/source-connection.ts'

const { source, dir } = JSON.parse(process.argv[2] ?? '') as { source: SourceConnection; dir: string }
const log = logInFolder(dir)
const { status: head } = openChangelog(log)
const settings = { closedTargetMs: 20, retentionMs: 3_600_000, maxLogBytes: 0 }
const ingest = new Ingest({ log, source, settings }, (message) => process.stdout.write(`${JSON.stringify(message)}\n`))
ingest.hear({ tag: 'demand', feeds: 1 })
process.on('message', (message) => {
  if (message === 'stop') ingest.hear({ tag: 'stop' })
  else process.send?.({ endLsn: String(head.endLsn), rssKb: Math.round(process.resourceUsage().maxRSS) })
})
await ingest.run()
process.disconnect?.()
