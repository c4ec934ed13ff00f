// Plain JavaScript for old Nodes: hands over to a child and gives its end as our own.
import { spawn } from 'node:child_process'

export function run(command, args) {
  const child = spawn(command, args, { stdio: 'inherit' })
  // A terminal sends Ctrl-C to the child as well, which decides when to end; anybody else sends signals to us alone.
  const fromTerminal = process.stdin.isTTY === true
  for (const signal of ['SIGINT', 'SIGQUIT']) process.on(signal, () => fromTerminal || child.kill(signal))
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
