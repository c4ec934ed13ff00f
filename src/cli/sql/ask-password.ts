// Asks for a password at the terminal, without showing it. Standard input may be a file with statements, so the terminal itself is opened.

import { closeSync, openSync, writeSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { ReadStream } from 'node:tty'
import { FeedError } from '../../errors/feed-error.ts'

const enter = /^[\r\n]$/
const erase = /^[\b\x7f]$/
const interrupt = '\x03'
const end = '\x04'
const eraseAll = '\x15'

/** Returns undefined if there is no terminal, or nothing was typed. Throws FEED_CANCELED for Ctrl-C. */
export async function askPassword(question: string): Promise<string | undefined> {
  let fd
  try {
    fd = openSync('/dev/tty', 'r+')
  } catch {
    return undefined
  }
  const terminal = new ReadStream(fd)
  const { promise, resolve } = Promise.withResolvers<'typed' | 'interrupted'>()
  const decoder = new StringDecoder('utf8')
  let typed: string[] = []
  terminal.on('data', (bytes: Buffer) => {
    for (const key of decoder.write(bytes)) {
      if (enter.test(key) || (key === end && typed.length === 0)) return resolve('typed')
      if (key === interrupt) return resolve('interrupted')
      if (erase.test(key)) typed.pop()
      else if (key === eraseAll) typed = []
      else typed.push(key)
    }
  })
  terminal.on('error', () => resolve('typed'))
  terminal.on('close', () => resolve('typed'))
  try {
    // Before the question, which may be answered at once: until then the terminal shows what is typed.
    terminal.setRawMode(true)
    writeTo(question)
    if ((await promise) === 'interrupted') throw new FeedError('FEED_CANCELED', 'interrupted')
    return typed.length === 0 ? undefined : typed.join('')
  } finally {
    terminal.setRawMode(false)
    terminal.destroy()
    writeTo('\n')
  }
}

/** The stream of the terminal only reads. */
function writeTo(text: string): void {
  const fd = openSync('/dev/tty', 'w')
  try {
    writeSync(fd, text)
  } finally {
    closeSync(fd)
  }
}
