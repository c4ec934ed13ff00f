// Text for a terminal. A value may hold the control characters that move the cursor, clear the screen or ring the bell:
// they are shown, not obeyed. Line breaks and tabs stay.

// oxlint-disable-next-line no-control-regex -- they are what it is for
const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

export function printable(text: string): string {
  return text.replace(control, (character) =>
    character === '\r' ? '\\r' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
