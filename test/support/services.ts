// The services of a test file start side by side and end together. One that fails must not leave another behind: a
// process that nobody ends keeps the test file from ending, long after its last test.

/** Waits for all of them; one may be left out, as undefined. Where one did not start, the others are ended before its error is thrown. */
export async function startTogether<Services extends readonly (AsyncDisposable | undefined)[]>(
  ...starting: { readonly [Index in keyof Services]: Promise<Services[Index]> }
): Promise<Services> {
  const started = await Promise.allSettled<AsyncDisposable | undefined>(starting)
  const failed = started.find((result) => result.status === 'rejected')
  if (failed === undefined) return (await Promise.all(starting)) as unknown as Services
  await endTogether(...started.map((result) => (result.status === 'fulfilled' ? result.value : undefined)))
  throw failed.reason
}

/** Ends all of them, one after the other, also when one fails to end. Throws the first failure. */
export async function endTogether(...services: readonly (AsyncDisposable | undefined)[]): Promise<void> {
  const failures: unknown[] = []
  for (const service of services) {
    try {
      await service?.[Symbol.asyncDispose]()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
