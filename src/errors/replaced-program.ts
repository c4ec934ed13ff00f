// Whether the files of the program are still those of the version that runs. Much of it is loaded when it is first needed, by threads that
// start later, too. After an update of the package, a server that was not started again would load parts of the new version beside
// its own, which may fail with any message, or work wrongly.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { FeedError } from './feed-error.ts'

/**
 * The manifest names the version. In a package there is a `main.js`, which names the files of the program by hashes of what is in them:
 * it tells builds of one version apart.
 */
const programFiles = ['../../package.json', '../main.js'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
const key = 'changefeed program'
/** Functions that have loaded their part. */
const loaded = new WeakSet<() => Promise<unknown>>()

interface Program {
  /** The first one is the manifest. */
  readonly paths: readonly string[]
  readonly texts: readonly (string | undefined)[]
}

/** Call it when the program starts. Threads that start later know what is remembered. Without it nothing is checked. */
export function rememberProgram(paths: readonly string[] = programFiles): void {
  const texts = paths.map(read)
  if (texts[0] !== undefined) setEnvironmentData(key, { paths, texts } satisfies Program)
}

/** Returns the error of whoever needs another part of the program; undefined: the files are those of the start. */
export function programReplaced(): FeedError | undefined {
  const started = getEnvironmentData(key) as Program | undefined
  if (started === undefined) return undefined
  const now = started.paths.map(read)
  const isSame = now.every((text, i) => text === started.texts[i])
  return isSame ? undefined : replaced(versionIn(started.texts[0]), versionIn(now[0]))
}

/** Loads a part of the program, once. `load` is always the same function for the same part. */
export async function loadPart<T>(load: () => Promise<T>): Promise<T> {
  const error = loaded.has(load) ? undefined : programReplaced()
  if (error !== undefined) throw error
  try {
    const part = await load()
    loaded.add(load)
    return part
  } catch (thrown) {
    // Of files that were replaced one by one, some do not have what others import.
    throw thrown instanceof SyntaxError ? missing(thrown) : explainMissing(thrown)
  }
}

/** Returns what is to be said of an error with which a part of the program, or a thread, could not be loaded; others as they are. */
export function explainMissing(thrown: unknown): unknown {
  return isMissing(thrown) ? missing(thrown) : thrown
}

function isMissing(thrown: unknown): thrown is Error {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code
  // A thread whose own file is missing has the second code.
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}

function missing(cause: Error): FeedError {
  const [said = ''] = cause.message.split('\n')
  return new FeedError('FEED_REPLACED', `a part of the program cannot be loaded: ${said}`, {
    hint: 'its files were replaced while the server runs, or some are missing: restart the server, and if that does not help, install it again',
    cause,
  })
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function versionIn(text = ''): string | undefined {
  return /"version":\s*"([^"]*)"/.exec(text)?.[1]
}

function replaced(before: string | undefined, now: string | undefined): FeedError {
  const versions = before === undefined || now === undefined || before === now ? '' : `, version ${before} by ${now}`
  return new FeedError('FEED_REPLACED', `the program was replaced while this server runs${versions}`, {
    hint: 'restart the server: it goes on where it was, with the version that is installed now',
  })
}
