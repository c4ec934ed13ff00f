// The facts of the storage sink, which is one sink for all kinds of storage (kinds.ts): they differ in their URIs and clients.

import type { SinkAddress, SinkFacts, WrittenSink } from '../sink-facts.ts'
import { maxTopicBytes, topicInName } from './file-names.ts'
import { kindOfLocation, kindOfScheme, kinds, plainScheme } from './kinds.ts'
import { commonParameters, fileSizeNotices, readCommon } from './parameters.ts'
import type { StorageSinkSpec } from './spec.ts'
import { storageReference } from './reference.ts'

const schemes = kinds.flatMap((kind) => kind.schemes)
const oldSchemes = kinds.flatMap((kind) => kind.oldSchemes ?? [])
/** The schemes of the first changefeeds. */
const experimental = ['s3', 'gs', 'azure', 'nodelocal', 'http', 'https']
  .filter((scheme) => schemes.includes(scheme) || oldSchemes.includes(scheme))
  .map((scheme) => `experimental-${scheme}`)

export const storage: SinkFacts<StorageSinkSpec> = {
  tag: 'cloud',
  label: 'cloud storage',
  schemes,
  oldSchemes: [...oldSchemes, ...experimental],
  schemeNotice,
  options: ['compression', 'csv_header'],
  withoutFormats: ['avro', 'protobuf'],
  withoutEnvelopes: ['row', 'key_only'],
  forcedOptions: ['key_in_value'],
  reference: storageReference,
  readSpec,
  notices: ({ location, fileSize }) => [
    ...fileSizeNotices(fileSize),
    ...(kindOfLocation(location).notices?.(location) ?? []),
  ],
  addresses: ({ location }): readonly SinkAddress[] => kindOfLocation(location).addresses?.(location) ?? [],
  isImplicit: (spec) => kindOfLocation(spec.location).isImplicit?.(spec.location, spec) ?? false,
  ownServer: ({ location }) => kindOfLocation(location).ownServer?.(location),
  shownAs: ({ location }) => kindOfLocation(location).shownAs(location),
  logTag: 'cloud-storage',
  open: () => import('./open.ts'),
}

function readSpec({ scheme, place, parameters, tables, option }: WrittenSink): StorageSinkSpec {
  const plain = plainScheme(scheme)
  const kind = kindOfScheme(plain)
  const known = [...Object.keys(commonParameters), ...Object.keys(kind.parameters)]
  parameters.checkSpelling(kind.label, known)
  const common = readCommon(parameters)
  const location = kind.readLocation({ scheme: plain, place, parameters })
  parameters.end(kind.label, known)
  for (const { topic } of tables) {
    if (Buffer.byteLength(topicInName(common.topicPrefix + topic)) <= maxTopicBytes) continue
    throw parameters.refused(
      `the topic ${common.topicPrefix}${topic} is too long for the name of a file: it may have ${maxTopicBytes} bytes`,
      'leave out full_table_name, or take a shorter topic_prefix',
    )
  }
  const compression = option('compression')?.text?.toLowerCase()
  return {
    tag: 'cloud',
    location,
    ...common,
    ...(compression === 'gzip' || compression === 'zstd' ? { compression } : {}),
    ...(option('csv_header') === undefined ? {} : { csvHeader: true }),
  }
}

function schemeNotice(scheme: string): string | undefined {
  const plain = plainScheme(scheme)
  if (plain !== scheme) return `${scheme} is no longer experimental, use ${plain}://`
  if (scheme !== 'http' && scheme !== 'https') return undefined
  return `Interpreting deprecated URI scheme ${scheme} as file-${scheme}. For webhook semantics, use webhook-${scheme}.`
}
