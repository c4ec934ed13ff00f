// Makes text safe for a terminal. A value may contain control characters that move the cursor or clear the screen; they are replaced by
// visible text. Line breaks and tabs remain.

// oxlint-disable-next-line no-control-regex -- they are what it is for
const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

export function printable(text: string): string {
  return text.replace(control, (character) =>
    character === '\r' ? '\\r' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
