// All sinks, in one list. A new sink is a folder with its facts, and a line here.

import type { SinkSpec } from '../core/feed-spec.ts'
import { laterVersion } from '../errors/later-version.ts'
import { kafka } from './kafka/facts.ts'
import { laterSinks } from './later-sinks.ts'
import { nullSink } from './null/facts.ts'
import { pubsub } from './pubsub/facts.ts'
import { rows } from './rows/facts.ts'
import type { SinkFacts } from './sink-facts.ts'
import { storage } from './storage/facts.ts'
import { webhook } from './webhook/facts.ts'

export const sinks: readonly SinkFacts[] = [rows, nullSink, kafka, storage, webhook, pubsub, ...laterSinks]

export function factsOfSink({ tag }: Pick<SinkSpec, 'tag'>): SinkFacts {
  const found = sinks.find((sink) => sink.tag === tag)
  if (found === undefined) throw laterVersion('sink', tag)
  return found
}
