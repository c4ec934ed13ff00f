// Finds out whether a test file may have a test with a given text in its name, from the text of the file. Node runs the `before`
// of a file even if no test of it is selected, and may then wait for what that has started.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A shorter part of a name says nothing. */
const leastPart = 8

/** Returns false if no name in the file, or in a suite that it runs, can contain `text`. */
export function mayHaveTest(file: string, text: string): boolean {
  const source = readFileSync(file, 'utf8')
  const suites = [...source.matchAll(/from '(\.[^']*\/suites\/[^']+)'/g)].map(([, path = '']) =>
    join(dirname(file), path),
  )
  return [source, ...suites.map((path) => readFileSync(path, 'utf8'))].some(
    (code) => code.includes(text) || templates(code).some((parts) => parts.some((part) => text.includes(part))),
  )
}

/** The fixed parts of the names that contain values. */
function templates(code: string): string[][] {
  return [...code.matchAll(/\btest\(\s*`([^`]*)`/g)].map(([, name = '']) =>
    name.split(/\$\{[^}]*\}/).filter((part) => part.length >= leastPart),
  )
}
