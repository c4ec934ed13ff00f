// Takes JSON text apart without changing its bytes: the members of an object, or of an array, as they are written.

export interface RawMember {
  readonly name: string
  readonly text: string
}

export function rawMembers(text: string): readonly RawMember[] {
  return rawParts(text).map((part) => {
    const colon = part.indexOf(':', endOfString(part, 0))
    return { name: JSON.parse(part.slice(0, colon)) as string, text: part.slice(colon + 1).trim() }
  })
}

/** The elements of an array, or the members of an object with their names. */
export function rawParts(text: string): readonly string[] {
  const parts: string[] = []
  let depth = 0
  let start = 1
  for (let at = 0; at < text.length; at++) {
    const c = text[at]
    if (c === '"') at = endOfString(text, at) - 1
    else if (c === '{' || c === '[') depth += 1
    else if (c === '}' || c === ']') depth -= 1
    const isEnd = depth === 0 && at > 0
    if (!isEnd && !(depth === 1 && c === ',')) continue
    const part = text.slice(start, at).trim()
    if (part !== '') parts.push(part)
    start = at + 1
    if (isEnd) {
      JSON.parse(text)
      return parts
    }
  }
  throw new Error(`no whole JSON value: ${text.slice(0, 200)}`)
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === '"') return at + 1
  }
  throw new Error('a string without an end')
}
