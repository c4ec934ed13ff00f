// Installs what is missing, and nothing when nothing is: the lock file's hash is remembered beside what it installed. Then it compiles
// the kernel if its files have changed since (kernel.js).
// With `--console` it does the same for the console, and builds it if its files have changed since (console.js); with
// `--console-if-possible` it goes on without, and without the kernel. With further arguments it then becomes the program that they
// name: a shell between npm and a program does not pass signals on.
// Plain JavaScript, because it runs before the right Node is there.
import { fileURLToPath } from 'node:url'
import { installIn } from './install-in.js'

installIn('../')

const rest = process.argv.slice(2)
const flag = rest.length > 0 && rest[0].startsWith('--console') ? rest[0] : undefined
const [program, ...args] = flag === undefined ? rest : rest.slice(1)

async function next() {
  const { buildKernel } = await import('./kernel.js')
  if (!buildKernel()) {
    if (flag !== '--console-if-possible') process.exit(1)
    console.error(
      'Rows are encoded in JavaScript, which takes longer. Everything else works. npm run build tries again.',
    )
  }
  if (flag !== undefined) {
    const { buildConsole, buildConsoleIfPossible } = await import('./console.js')
    if (flag === '--console') buildConsole()
    else buildConsoleIfPossible()
  }
  if (program === undefined) return
  const file = new URL(`../${program}`, import.meta.url)
  process.argv.splice(1, Infinity, fileURLToPath(file), ...args)
  await import(file.href)
}

void next()
