// Where the file of a worker thread is: TypeScript in a checkout, JavaScript once compiled.

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** `name`: path below the source root, without extension. */
export function workerUrl(name: string): URL {
  return new URL(`../${name}.${extension}`, import.meta.url)
}
