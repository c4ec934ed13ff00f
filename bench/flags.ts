// What stands behind the script's name: --sink=kafka, --peer=debezium, --format=avro.

export interface BenchFlags {
  readonly sink: 'null' | 'kafka'
  readonly peer: boolean
  readonly format: 'json' | 'avro'
}

export function benchFlags(defaultSink: BenchFlags['sink'] = 'null'): BenchFlags {
  const flags: { -readonly [Name in keyof BenchFlags]: BenchFlags[Name] } = {
    sink: defaultSink,
    peer: false,
    format: 'json',
  }
  for (const flag of process.argv.slice(2)) {
    if (flag === '--sink=kafka') flags.sink = 'kafka'
    else if (flag === '--peer=debezium') flags.peer = true
    else if (flag === '--format=avro') flags.format = 'avro'
    else throw new Error(`the flags there are: --sink=kafka, --peer=debezium, --format=avro; not ${flag}`)
  }
  if (flags.peer && flags.sink !== 'kafka')
    throw new Error('Debezium writes into Kafka: --peer=debezium wants --sink=kafka')
  return flags
}
