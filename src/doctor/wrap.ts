// Breaks the lines of a report where a terminal would break them in the middle of a word.

/** A narrower column is no help to read. */
const leastRoom = 30

/** Between quotes no line is broken: what is copied into psql would be another string or name. An apostrophe is no quote. */
const words = /(?:(?<!\p{L})'[^']*'|"[^"]*"|\S)+/gu

/** Each line of the text but its first begins with as many spaces as `indent` says. Width undefined: nothing is broken. */
export function wrap(
  text: string,
  { indent, width }: { readonly indent: number; readonly width: number | undefined },
): string {
  if (width === undefined) return text
  const room = Math.max(width - indent, leastRoom)
  const lines: string[] = []
  let line = ''
  for (const [word] of text.matchAll(words)) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}
