// All formats, in one list; the first is the default. A new format is a folder with its facts, and a line here.

import { avro } from './avro/facts.ts'
import { csv } from './csv/facts.ts'
import type { FormatFacts } from './format-facts.ts'
import { json } from './json/facts.ts'
import { laterFormats } from './later-formats.ts'
import { parquet } from './parquet/facts.ts'

export const formats: readonly FormatFacts[] = [json, avro, csv, parquet, ...laterFormats]
