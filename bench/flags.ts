// What stands behind the script's name: --sink=kafka, --peer=debezium.

export interface BenchFlags {
  readonly sink: 'null' | 'kafka'
  readonly peer: boolean
}

export function benchFlags(defaultSink: BenchFlags['sink'] = 'null'): BenchFlags {
  const flags = { sink: defaultSink, peer: false }
  for (const flag of process.argv.slice(2)) {
    if (flag === '--sink=kafka') flags.sink = 'kafka'
    else if (flag === '--peer=debezium') flags.peer = true
    else throw new Error(`the flags there are: --sink=kafka, --peer=debezium; not ${flag}`)
  }
  if (flags.peer && flags.sink !== 'kafka')
    throw new Error('Debezium writes into Kafka: --peer=debezium wants --sink=kafka')
  return flags
}
