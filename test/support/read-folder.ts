// Reads a folder as readers of files do: all files in the order of their names, in bytes. Names that begin with a dot are not read.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

export interface FolderFile {
  /** Below the folder, with slashes. */
  readonly name: string
  /** Undefined: a RESOLVED file. */
  readonly topic: string | undefined
  readonly text: string
}

const dataFile = /(?:^|\/)\d{33}-[0-9a-f]{16}-\d+-\d+-[0-9a-f]{8}-(.+)-([0-9a-f]+)\.(?:ndjson|csv)(?:\.gz|\.zst)?$/
const resolvedFile = /(?:^|\/)\d{33}\.RESOLVED$/

/** Returns the names of all files, in their order. */
export function namesIn(folder: string): readonly string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.startsWith('.'),
  )
  return inOrder(found.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)))
}

/** Sorts names in bytes, as buckets do. */
export function inOrder(names: readonly string[]): readonly string[] {
  const keyed = names.map((name) => ({ name, key: Buffer.from(name) }))
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ name }) => name)
}

export function hiddenIn(folder: string): readonly string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /(?:^|\/)\.[^/]*$/.test(name))
}

export function fileIn(folder: string, name: string): FolderFile {
  return fileOf(name, readFileSync(join(folder, name)))
}

export function fileOf(name: string, bytes: Buffer): FolderFile {
  if (resolvedFile.test(name)) return { name, topic: undefined, text: bytes.toString() }
  const [, topic] = dataFile.exec(name) ?? []
  if (topic === undefined) throw new Error(`${name} is no name of a file of a changefeed`)
  const plain = name.endsWith('.gz') ? gunzipSync(bytes) : name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes
  return { name, topic, text: plain.toString() }
}

export function filesIn(folder: string): readonly FolderFile[] {
  return isFolder(folder) ? namesIn(folder).map((name) => fileIn(folder, name)) : []
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** The lines of a file without their ends. Throws if the last one has none: then half of the file is missing. */
export function linesOf({ name, text }: FolderFile): readonly string[] {
  if (!text.endsWith('\n')) throw new Error(`the last line of ${name} has no end`)
  return text.slice(0, -1).split('\n')
}

/** Returns the text of the member `key`, and the line without it: the sink adds it to every line. A line of CSV has none. */
export function splitKey(line: string): readonly [key: string, rest: string] {
  const name = ', "key": '
  let depth = 0
  let start = -1
  for (let at = 0; at < line.length; at++) {
    const character = line[at]
    if (character === '"') at = endOfString(line, at)
    else if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') depth -= 1
    else if (depth === 1 && character === ',' && start < 0 && line.startsWith(name, at)) start = at
    else continue
    if (start >= 0 && at > start && depth === 1 && (character === ']' || character === '}')) {
      return [line.slice(start + name.length, at + 1), line.slice(0, start) + line.slice(at + 1)]
    }
  }
  return ['', line]
}

function endOfString(line: string, from: number): number {
  let at = from + 1
  while (at < line.length && line[at] !== '"') at += line[at] === '\\' ? 2 : 1
  return at
}
