// Plain JavaScript for old Nodes: folders of `dist` that are built of sources which no compiler of the server reads. A folder is built
// if it is missing, or older than its sources, which their hash tells. The build goes to a folder of its own first, so that a server
// never loads half of one.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../', import.meta.url))

/** Returns the hash of the files below these paths. */
export function hashOfSources(paths) {
  const hash = createHash('sha256')
  for (const file of paths.flatMap(filesIn))
    hash
      .update(file)
      .update('\0')
      .update(fs.readFileSync(root + file))
      .update('\0')
  return hash.digest('hex')
}

/** Whether the folder of `dist` is built of the sources with this hash. */
export function isBuiltFrom(name, wanted) {
  const mark = `${root}dist/${name}/.built`
  return fs.existsSync(mark) && fs.readFileSync(mark, 'utf8') === wanted
}

/** Has `make` fill a folder, which then becomes the one in `dist`. Returns false if `make` does. */
export function buildFolder(name, wanted, make) {
  // Not in dist: what a build leaves there that was ended would be packed.
  const cache = `${root}node_modules/.cache`
  for (const each of [cache, `${root}dist`]) fs.mkdirSync(each, { recursive: true })
  const folder = fs.mkdtempSync(`${cache}/${name}-`)
  if (!make(folder)) {
    remove(folder)
    return false
  }
  // A folder for temporary files is closed to other users.
  fs.chmodSync(folder, 0o755)
  fs.writeFileSync(`${folder}/.built`, wanted)
  const built = `${root}dist/${name}`
  remove(built)
  try {
    fs.renameSync(folder, built)
  } catch (error) {
    remove(folder)
    // Another process may have done the same a moment before.
    if (!isBuiltFrom(name, wanted)) throw error
  }
  return true
}

/** Node 12 has no rmSync, and later ones remove nothing below a folder with rmdirSync. */
function remove(path) {
  if (fs.rmSync !== undefined) fs.rmSync(path, { recursive: true, force: true })
  else fs.rmdirSync(path, { recursive: true })
}

/** The files below, in the order of their names. */
function filesIn(path) {
  if (!fs.statSync(root + path).isDirectory()) return [path]
  const names = fs.readdirSync(root + path).filter((name) => name !== 'node_modules')
  return names.sort().flatMap((name) => filesIn(`${path}/${name}`))
}
