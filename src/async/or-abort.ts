// Work that ends early when a signal aborts. Every listener is removed when it is not needed any more: a signal may live as
// long as the server, and would keep everything that its listeners refer to.

/** Calls `act` when the signal aborts, or at once if it has aborted already. Disposing of the result removes the listener. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): Disposable {
  if (signal?.aborted === true) act()
  else signal?.addEventListener('abort', act, { once: true })
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', act) }
}

/** Settles as `work` does, or throws the signal's reason as soon as it aborts. `work` itself is not stopped. */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  using _listening = onAbort(signal, () => aborted.reject(signal?.reason))
  return await Promise.race([work, aborted.promise])
}
