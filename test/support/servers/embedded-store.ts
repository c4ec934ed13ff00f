// A new store with the data folder of the embedded PostgreSQL, as the first start of the program makes it. initdb and what follows it run
// once for all tests, and the result is copied: they take most of the time until a server is ready. The tests of the first start itself
// (test/server, src/postgres/embedded) begin with an empty folder.
//
// The copies have one system identifier.

import { spawnSync } from 'node:child_process'
import { copyFileSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keptFolder } from '../../services/kept-folder.ts'
import { copyFolder } from './data-folder.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const script = path('make-embedded-store.ts')
const embedded = path('../../../src/postgres/embedded/')

/** The program that makes the store, and the versions of what it installs. */
const madeOf = [
  script,
  ...globSync('*.ts', { cwd: embedded, exclude: ['*.test.ts'] })
    .sort()
    .map((name) => join(embedded, name)),
  path('../../../package.json'),
]

/** `store` is there, and empty. */
export function layEmbeddedStore(store: string): void {
  const kept = keptFolder({ name: 'embedded-store', madeOf, fill })
  copyFolder(join(kept, 'postgres'), join(store, 'postgres'))
  copyFileSync(join(kept, 'bootstrap'), join(store, 'bootstrap'))
}

function fill(folder: string): void {
  const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the store of the embedded PostgreSQL could not be made: ${stderr}`)
}
