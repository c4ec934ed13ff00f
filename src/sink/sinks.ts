// All sinks, in one list. A new sink is a folder with its facts, and a line here.

import type { SinkSpec } from '../core/feed-spec.ts'
import { FeedError } from '../errors/feed-error.ts'
import { kafka } from './kafka/facts.ts'
import { laterSinks } from './later-sinks.ts'
import { nullSink } from './null/facts.ts'
import { rows } from './rows/facts.ts'
import type { SinkFacts } from './sink-facts.ts'

export const sinks: readonly SinkFacts[] = [rows, nullSink, kafka, ...laterSinks]

export function factsOfSink({ tag }: Pick<SinkSpec, 'tag'>): SinkFacts {
  const found = sinks.find((sink) => sink.tag === tag)
  if (found === undefined) throw noSink(tag)
  return found
}

/** The error of a job that a later version has created. It is retried, so that it survives until that version is started again. */
export function noSink(tag: string): FeedError {
  return new FeedError('FEED_LATER_VERSION', `this version of pg-changefeed has no sink "${tag}"`, {
    hint: 'start the version that created the changefeed, or a later one, and it goes on',
  })
}
