// npm run bench -- NAME [flags]: runs a benchmark. Without a name it lists them.

import { nearestName } from '../src/core/nearest-name.ts'
import { buildMeasured } from './measured-program.ts'

const benches: Readonly<Record<string, { readonly about: string; readonly run: () => Promise<unknown> }>> = {
  drain: {
    about: 'a backlog into nothing, beside pg_recvlogical [--format=avro]',
    run: () => import('./drain.ts'),
  },
  kafka: { about: 'a backlog into Kafka [--peer=debezium]', run: () => import('./kafka-backlog.ts') },
  scan: {
    about: "an initial scan, beside psql's COPY [--sink=kafka --peer=debezium]",
    run: () => import('./scan.ts'),
  },
  backfill: {
    about: 'all rows again after a schema change, beside the initial scan of the table [--format=avro]',
    run: () => import('./backfill.ts'),
  },
  webhook: {
    about: 'rows to a webhook, beside a plain undici client that sends the same bodies',
    run: () => import('./webhook.ts'),
  },
  storage: {
    about: 'rows into files: a folder beside plain writes, S3 beside the SDK alone, Parquet beside DuckDB',
    run: () => import('./storage.ts'),
  },
  latency: {
    about: 'from a commit to its row, at 1,000 transactions a second [--sink=kafka --peer=debezium]',
    run: () => import('./latency.ts'),
  },
  attached: {
    about: "scan, drain and latency with somebody else's PostgreSQL over TCP with TLS, beside the single node",
    run: () => import('./attached.ts'),
  },
  feeds: { about: 'what 1 to 200 changefeeds cost [--sink=kafka]', run: () => import('./feeds.ts') },
  metrics: { about: 'rows a second with and without scraping and an open console', run: () => import('./metrics.ts') },
  memory: { about: 'the memory that a transaction of 2 GiB takes', run: () => import('./memory.ts') },
  'large-row': { about: 'the memory that a row of 120 MB takes', run: () => import('./large-row.ts') },
  proxy: { about: 'what the SQL front costs, with pgbench', run: () => import('./proxy.ts') },
  json: { about: 'rows as JSON on one core, beside JSON.stringify [rows per round]', run: () => import('./json.ts') },
  avro: { about: 'rows as Avro on one core, beside JSON [rows per round]', run: () => import('./avro.ts') },
}

// The benchmark finds its own arguments where it would find them without this script.
const [name] = process.argv.splice(2, 1)
if (name === undefined) {
  const lines = Object.entries(benches).map(([known, { about }]) => `  ${known.padEnd(10)} ${about}\n`)
  process.stdout.write(
    `npm run bench -- NAME [flags]\n\n${lines.join('')}\nEach file in bench/ names its variables BENCH_….\n`,
  )
} else if (Object.hasOwn(benches, name)) {
  await buildMeasured()
  await benches[name]?.run()
} else {
  const meant = nearestName(name, Object.keys(benches))
  const hint = meant === undefined ? '"npm run bench" lists them' : `did you mean ${meant}?`
  process.stderr.write(`ERROR: there is no benchmark "${name}"\nHINT: ${hint}\n`)
  process.exitCode = 1
}
