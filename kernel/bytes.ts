// The bytes that have a meaning, and what functions return in place of an address.

/** The reference encoder must write this row: it is malformed, or of a kind that the kernel does not know. */
export const GIVEN_UP: usize = 0

export const TAB: u8 = 0x09
export const NEWLINE: u8 = 0x0a
export const QUOTE: u8 = 0x22
export const PLUS: u8 = 0x2b
export const COMMA: u8 = 0x2c
export const MINUS: u8 = 0x2d
export const POINT: u8 = 0x2e
export const ZERO: u8 = 0x30
export const COLON: u8 = 0x3a
export const EQUALS: u8 = 0x3d
export const SPACE: u8 = 0x20
export const BACKSLASH: u8 = 0x5c
export const OPEN_LIST: u8 = 0x5b
export const CLOSE_LIST: u8 = 0x5d
export const OPEN_OBJECT: u8 = 0x7b
export const CLOSE_OBJECT: u8 = 0x7d

/** `null`, `NULL` and `, ` as numbers. */
export const NULL_WORD: u32 = 0x6c6c756e
export const SQL_NULL: u32 = 0x4c4c554e
export const SEPARATOR: u16 = 0x202c
/** `: ` */
export const AFTER_KEY: u16 = 0x203a

export function isDigit(byte: u8): bool {
  return <u8>(byte - ZERO) <= 9
}
