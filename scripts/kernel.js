// Plain JavaScript for old Nodes: compiles the kernel, which encodes rows, into dist/kernel if its files have changed since.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { findNode } from '../bin/find-node.js'
import { buildFolder, hashOfSources, isBuiltFrom, root } from './built.js'

const name = 'kernel'
const layout = 'src/encode/json/kernel/layout.ts'
/** What the compiler is told stands in this file, and its version in that of its package. */
const sources = ['kernel', layout, 'scripts/kernel.js']
const compiler = 'node_modules/assemblyscript'
const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory']
/** The types of vectors that the kernel passes between its own functions. */
const harmless = ['--disableWarning', '112']

/** Compiles the kernel if that is to be had: without it, rows are encoded in JavaScript. Returns false if it is not. */
export function buildKernel() {
  if (!fs.existsSync(`${root}${compiler}/package.json`)) return failed('its compiler is not installed')
  const wanted = hashOfSources(sources.concat(`${compiler}/package.json`))
  return isBuiltFrom(name, wanted) || buildFolder(name, wanted, compile)
}

function compile(folder) {
  console.error('Compiling the kernel that encodes rows.')
  const pages = /memoryPages = (\d+)/.exec(fs.readFileSync(root + layout, 'utf8'))[1]
  const memory = ['--initialMemory', pages, '--maximumMemory', pages]
  const files = ['kernel/encode.ts', '--outFile', `${folder}/encode.wasm`]
  const args = [`${compiler}/bin/asc.js`].concat(files, options, harmless, memory)
  const { status, error } = spawnSync(findNode(), args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error === undefined && status === 0) return true
  return failed(error === undefined ? undefined : error.message)
}

function failed(why) {
  console.error(`the kernel could not be compiled${why === undefined ? '' : `: ${why}`}`)
  return false
}
