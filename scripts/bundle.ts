// Puts the modules of the program together into few files, which is what a package holds and what benchmarks measure. Each thread loads
// its own modules, and a module costs it some time and thirty kilobytes beside its code (decision 0070).
//
// Packages of others stay where npm puts them. A checkout runs the sources themselves, so that nothing is to be built after a change.

import { cpSync, readdirSync, rmSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown, type Plugin } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = resolve(root, 'src')
/** Built by scripts of their own, which know when they are stale. */
const builtBefore = ['console', 'kernel']
/** Files that are read by their place beside a module. */
const textFiles = ['source-schema/sql', 'source-schema/setup']
const entries = ['main', 'ingest/ingest-worker', 'feed/pool/feed-worker']

type Files = Readonly<Record<string, string>>

async function bundle(folder: string, further: Files): Promise<void> {
  const build = await rolldown({
    input: { ...Object.fromEntries(entries.map((name) => [name, resolve(sources, `${name}.ts`)])), ...further },
    platform: 'node',
    external: /^[^./]/,
    plugins: [modulePlaces()],
    onLog: (level, { message }) => {
      throw new Error(`${level}: ${message}`)
    },
  })
  await build.write({
    dir: folder,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    comments: false,
  })
  for (const path of textFiles)
    cpSync(resolve(sources, path), resolve(folder, path), {
      recursive: true,
      filter: (file) => !file.endsWith('.ts'),
    })
}

const rootMark = '__folder_of_the_program__'

/** A module knows files by their place beside it. It gets the address that it would have if it were a file below the folder. */
function modulePlaces(): Plugin {
  return {
    name: 'module-places',
    transform: (code, id) => {
      const path = relative(sources, id).split(sep).join('/').replace(/ts$/, 'js')
      return code.replaceAll('import.meta.url', `new URL('${rootMark}/${path}', import.meta.url).href`)
    },
    renderChunk: (code, { fileName }) => code.replaceAll(rootMark, relative(dirname(fileName), '.') || '.'),
  }
}

/**
 * Builds `dist`, which is packed, without what an earlier build has left there. `further`: modules that use parts of the program and
 * are none of it, by their names in the folder.
 */
export async function buildProgram(further: Files = {}): Promise<void> {
  const folder = resolve(root, 'dist')
  for (const name of readdirSync(folder))
    if (!builtBefore.includes(name)) rmSync(resolve(folder, name), { recursive: true })
  await bundle(folder, further)
}

if (import.meta.main) await buildProgram()
