// A folder that is filled once and kept for later runs. Two processes may ask at once: each fills a folder of its own and
// the first to finish gives it its name.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))

export interface KeptFolder {
  readonly name: string
  /** The folder is filled anew when the content of one of these files changes. */
  readonly madeOf: readonly string[]
  readonly fill: (folder: string) => void
}

export function keptFolder({ name, madeOf, fill }: KeptFolder): string {
  const hash = createHash('sha256')
  for (const file of madeOf) hash.update(readFileSync(file))
  const folder = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  const own = mkdtempSync(join(cache, `${name}-filling-`))
  try {
    fill(own)
    try {
      renameSync(own, folder)
    } catch (error) {
      if (!existsSync(folder)) throw error
    }
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
  return folder
}
