// Prints values of type BYTES. PostgreSQL prints a bytea as `\x` and hexadecimal digits, which people cannot read. Bytes
// that are printable UTF-8 are printed as this text, so that a message can be piped into a JSON tool. Other bytes are
// printed in PostgreSQL's escape format: `\ooo` for a byte that is not printable ASCII, and two backslashes for one.

const readable = new TextDecoder('utf-8', { fatal: true })
// Control characters other than tab, line feed and carriage return.
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/

export function bytesText(field: string): string {
  if (!field.startsWith('\\x')) return field
  const bytes = Buffer.from(field.slice(2), 'hex')
  try {
    const text = readable.decode(bytes)
    if (!unprintable.test(text)) return text
  } catch {
    // The bytes are not UTF-8 and are escaped below.
  }
  return escaped(bytes)
}

function escaped(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes) {
    if (byte === 0x5c) text += '\\\\'
    else if (byte < 0x20 || byte > 0x7e) text += `\\${byte.toString(8).padStart(3, '0')}`
    else text += String.fromCharCode(byte)
  }
  return text
}
