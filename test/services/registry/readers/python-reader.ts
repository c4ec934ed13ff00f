// fastavro, with Confluent's client for Python before it. Their packages are installed once, in a folder that is kept.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { keptFolder } from '../../kept-folder.ts'
import { consumeWithinS, inLines, keyAndValue, linesOf, type AvroReader } from './avro-reader.ts'

const source = fileURLToPath(new URL('avro_reader.py', import.meta.url))
const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url))
const installWithinMs = 180_000

/** Where Python is missing or its package index cannot be reached: why. In CI that is thrown. */
export function openPythonReader(): AvroReader | { readonly missing: string } {
  try {
    const packages = installed()
    const run = (args: readonly string[], input?: string): Promise<string[]> =>
      linesOf({
        command: 'python3',
        args: [source, ...args],
        env: { PYTHONPATH: packages },
        ...(input === undefined ? {} : { input }),
      })
    return {
      name: 'fastavro',
      consume: async ({ broker, registry, topics, count }) =>
        (await run(['consume', broker, registry, topics.join('|'), String(count), String(consumeWithinS)])).map(
          keyAndValue,
        ),
      decode: (registry, messages) => run(['decode', registry], inLines(messages)),
    }
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error
    return { missing: (error as Error).message }
  }
}

/** Compiled packages belong to one version of Python. */
function installed(): string {
  const version = python('-c', 'import platform; print(platform.python_version())').trim()
  return keptFolder({
    name: `avro-for-python-${version}`,
    madeOf: [requirements],
    fill: (folder) => python('-m', 'pip', 'install', '-q', '--target', folder, '-r', requirements),
  })
}

function python(...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync('python3', args, { encoding: 'utf8', timeout: installWithinMs })
  if (status !== 0) throw new Error(`python3 ${args.slice(0, 3).join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}
