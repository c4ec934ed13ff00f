// The URL of the file of a worker thread: a TypeScript file in a checkout, a JavaScript file in the built package.

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** `name` is the path of the file below the root of the source, without its extension. */
export function workerUrl(name: string): URL {
  return new URL(`../${name}.${extension}`, import.meta.url)
}
