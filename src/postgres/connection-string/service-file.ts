// Services: names for sets of parameters in a file, `[name]` and then a parameter on each line.

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'
import { checkNames, type Parameters } from './parameters.ts'

/** The parameters of a service. Throws FEED_OPTION if no file has it. */
export function readService(name: string, file: string | undefined, environment: NodeJS.ProcessEnv): Parameters {
  const systemDir = environment['PGSYSCONFDIR']
  const files = [
    file ?? join(homedir(), '.pg_service.conf'),
    ...(systemDir === undefined ? [] : [join(systemDir, 'pg_service.conf')]),
  ]
  for (const path of files) {
    const found = parseService(read(path, path === file), name, path)
    if (found !== undefined) return found
  }
  throw new FeedError('FEED_OPTION', `service "${name}" was not found in ${files.join(' and ')}`)
}

function read(path: string, mustExist: boolean): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (!mustExist && (error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new FeedError('FEED_OPTION', `service file ${path} cannot be read: ${(error as Error).message}`)
  }
}

function parseService(text: string, name: string, path: string): Parameters | undefined {
  let found: Map<string, string> | undefined
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('[')) {
      if (found !== undefined) break
      if (line === `[${name}]`) found = new Map()
      continue
    }
    if (found === undefined) continue
    const equals = line.indexOf('=')
    if (line.startsWith('ldap') || equals < 0) {
      throw new FeedError('FEED_OPTION', `service "${name}" in ${path} has a line that is not NAME=VALUE`)
    }
    const key = line.slice(0, equals)
    if (key === 'service' || key === 'servicefile') {
      throw new FeedError('FEED_OPTION', `service "${name}" in ${path} names another service, which is not possible`)
    }
    if (!found.has(key)) found.set(key, line.slice(equals + 1))
  }
  return found && checkNames(found, `service "${name}" in ${path}`)
}
