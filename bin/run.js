// Plain JavaScript for old Nodes: hands over to a child and gives its end as our own.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Where the child finds the number of the pipe that closes when we end; src/cli/hang-up.ts reads it. */
const pipeVariable = 'CHANGEFEED_PARENT_PIPE'
const pipeFd = 3

/**
 * `hangsUp`: the child is told when we are killed, which we cannot say ourselves then: we hold one end of a pipe, and the
 * system closes it.
 */
export function run(command, args, { hangsUp = false } = {}) {
  const child = hangsUp
    ? spawn(command, args, {
        stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
        env: { ...process.env, [pipeVariable]: String(pipeFd) },
      })
    : spawn(command, args, { stdio: 'inherit' })
  hidePasswords()
  if (child.stdio[pipeFd]) child.stdio[pipeFd].on('error', () => undefined)
  for (const signal of ['SIGINT', 'SIGQUIT']) process.on(signal, () => isFromTerminal() || child.kill(signal))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(error.message)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    for (const name of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name)
    process.kill(process.pid, signal)
  })
}

/** Who lists the processes of the machine sees our arguments for as long as we run; src/postgres/connection-string/hide-password.ts hides those of the child. */
function hidePasswords() {
  const hasPassword = /:\/\/[^/@\s]*:[^@\s]*@|password\s*=/
  if (!process.argv.some((argument) => hasPassword.test(argument))) return
  process.title = process.argv.map((argument) => (hasPassword.test(argument) ? '(hidden)' : argument)).join(' ')
}

/**
 * A terminal sends Ctrl-C to the child as well, which would count it twice; anybody else sends signals to us alone. A
 * terminal sends to the processes of its foreground only, whatever their standard input is.
 */
function isFromTerminal() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // Behind the name in brackets: state, parent, process group, session, terminal, the terminal's foreground group.
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return group === foreground
  } catch {
    return process.stdin.isTTY === true
  }
}
