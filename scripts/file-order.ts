// The order in which test files are run: those that take longest are begun first, and the many short ones fill the cores at the end.

import { tierOf, tiers } from './test-tiers.ts'

/** The tiers say how long a file takes; within one, files are in the order of their names. */
export function longestFirst(files: readonly string[]): string[] {
  const weight = (file: string): number => tiers.indexOf(tierOf(file))
  return [...files].sort((a, b) => weight(b) - weight(a) || (a < b ? -1 : 1))
}
