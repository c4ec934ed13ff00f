// Loads the kernel: the module that `npm run build` has compiled of the folder kernel. A thread has one, for all its feeds, from the
// moment at which a feed encodes its first row. It needs no more memory than it has then.

import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'
import { programReplaced } from '../../../errors/replaced-program.ts'
import { Kernel, type KernelExports } from './kernel.ts'

/** Beside the compiled program, and in a checkout where a build puts it. */
const file = new URL(
  import.meta.url.endsWith('.ts') ? '../../../../dist/kernel/encode.wasm' : '../../../kernel/encode.wasm',
  import.meta.url,
)

/** What is used of it: the types of Node do not have it, and those of browsers have much else. */
declare const WebAssembly: {
  validate(bytes: Buffer): boolean
  readonly Module: new (bytes: Buffer) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

export type Loaded =
  | { readonly tag: 'kernel'; readonly kernel: Kernel }
  /** `why`: undefined if somebody has wished so. */
  | { readonly tag: 'none'; readonly why: string | undefined }

let loaded: Loaded | undefined

/** Returns undefined where rows are encoded without the kernel. `explain` is called with the reason, once in a thread. */
export function loadKernel(explain: (why: string) => void): Kernel | undefined {
  if (loaded === undefined) {
    loaded = readKernel(() => readFileSync(file))
    if (loaded.tag === 'none' && loaded.why !== undefined) explain(loaded.why)
  }
  return loaded.tag === 'kernel' ? loaded.kernel : undefined
}

/** `read` returns the compiled module, or throws. */
export function readKernel(read: () => Buffer): Loaded {
  if (process.env['CHANGEFEED_KERNEL'] === 'off') return { tag: 'none', why: undefined }
  // The kernel reads numbers of runs as they are in memory.
  if (endianness() !== 'LE') return { tag: 'none', why: 'this machine is big-endian' }
  let bytes
  try {
    bytes = read()
  } catch (error) {
    return { tag: 'none', why: error instanceof Error ? error.message : String(error) }
  }
  // The kernel of another version may understand something else by the numbers of a program: it would write wrong bytes. Asked after
  // it was read, because it may have been replaced just before.
  const replaced = programReplaced()
  if (replaced !== undefined) return { tag: 'none', why: `${replaced.message}; restart it` }
  if (!WebAssembly.validate(bytes)) return { tag: 'none', why: 'this machine has no SIMD instructions for WebAssembly' }
  const host = { writeByHost: (...of: Parameters<Kernel['writeByHost']>): number => kernel.writeByHost(...of) }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host })
  const kernel = new Kernel(exports as KernelExports)
  return { tag: 'kernel', kernel }
}
