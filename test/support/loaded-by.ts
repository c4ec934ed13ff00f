// What is loaded together with a file: for tests of facts, which every thread loads.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The files that a file imports when it is loaded, also through others, and the packages among them. Types are not loaded. */
export function loadedBy(file: string, loaded = new Set<string>()): ReadonlySet<string> {
  if (loaded.has(file)) return loaded
  loaded.add(file)
  for (const [, isType, from = ''] of readFileSync(file, 'utf8').matchAll(/^import (type )?[^']*'([^']+)'/gm)) {
    if (isType !== undefined) continue
    if (from.startsWith('.')) loadedBy(join(dirname(file), from), loaded)
    else loaded.add(from)
  }
  return loaded
}
