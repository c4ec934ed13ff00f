// Installs what is missing, and nothing when nothing is: the lock file's hash is remembered beside what it installed.
// With `--console` it does the same for the console, and builds it if its files have changed since (console.js). With further
// arguments it then becomes the program that they name: a shell between npm and a program does not pass signals on.
// Plain JavaScript, because it runs before the right Node is there.
import { fileURLToPath } from 'node:url'
import { installIn } from './install-in.js'

installIn('../')

const rest = process.argv.slice(2)
const isForConsole = rest[0] === '--console'
const [program, ...args] = isForConsole ? rest.slice(1) : rest

async function next() {
  if (isForConsole) {
    const { buildConsole } = await import('./console.js')
    buildConsole()
  }
  if (program === undefined) return
  const file = new URL(`../${program}`, import.meta.url)
  process.argv.splice(1, Infinity, fileURLToPath(file), ...args)
  await import(file.href)
}

void next()
