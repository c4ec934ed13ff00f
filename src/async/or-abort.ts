// What happens when a signal aborts while something else goes on. Listeners are taken off again: a signal may live as long
// as the server, and everything that it listened for would live as long.

/** Calls `act` when the signal aborts, at once when it has aborted already, and not any more when the result is disposed. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): Disposable {
  if (signal?.aborted === true) act()
  else signal?.addEventListener('abort', act, { once: true })
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', act) }
}

/** Settles as `work` does, or throws the signal's reason as soon as it aborts; `work` itself goes on. */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  using _listening = onAbort(signal, () => aborted.reject(signal?.reason))
  return await Promise.race([work, aborted.promise])
}
