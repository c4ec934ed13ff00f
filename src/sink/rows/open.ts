import type { Sink } from '../sink.ts'
import type { SinkOpening } from '../sink-facts.ts'
import { RowsSink } from './rows-sink.ts'
import type { RowsSinkSpec } from './spec.ts'

export async function open({ formats }: RowsSinkSpec, { topics, send }: SinkOpening): Promise<Sink> {
  return new RowsSink({ formats, topics, send })
}
