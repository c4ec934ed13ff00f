// Formats are loaded when the first changefeed needs them.

import { saveCompiled } from '../core/compile-cache.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import { laterVersion } from '../errors/later-version.ts'
import { loadPart } from '../errors/replaced-program.ts'
import type { Encoder } from './encoder.ts'
import type { EncoderOpening, FormatModule } from './format-facts.ts'
import { formatOfName } from './format-names.ts'
import { utf8Only } from './utf8-only.ts'

export async function openEncoder(spec: FeedSpec, opening: EncoderOpening = {}): Promise<Encoder> {
  const { open } = await loadFormat(spec.format)
  const encoder = open(spec, { ...opening, earlierRows: await openEarlierRows(spec) })
  return spec.takesAnyBytes === true ? utf8Only(encoder) : encoder
}

async function openEarlierRows(spec: FeedSpec): Promise<Encoder | undefined> {
  const { earlierRows: format } = formatOfName(spec.format)
  if (format === undefined || !spec.diff) return undefined
  const { open } = await loadFormat(format)
  return open({ ...spec, format, envelope: 'row', updated: false, mvccTimestamp: false, diff: false }, {})
}

export async function loadFormat(name: string): Promise<FormatModule> {
  const { open } = formatOfName(name)
  if (open === undefined) throw laterVersion('format', name)
  // Node loads a module only once.
  const module = await loadPart(open)
  saveCompiled()
  return module
}
