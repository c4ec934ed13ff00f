// What the kernel and its host agree on: the places in the kernel's memory, and the numbers in a program. Both sides import
// this file, so it holds nothing but numbers: the compiler of the kernel reads it as AssemblyScript.
//
//   rows ─ records ─ stamps ─ results ─ programs ─ scratch ─ input ─ output          less than 2 MiB, which never grow

/** The pages of 64 KiB that the memory has. */
export const memoryPages = 31
/** Up to here lies what the compiler places. */
export const staticEnd = 0x1_0000

/** The values of the row after the change and of the row before: start and end of each as u32. A start of 0 is NULL, of 1 an unchanged value. */
export const rowAt = 0x1_0000
export const oldAt = 0x1_4000
export const mostColumns = 1664

// What to encode: for each record u32 offset, then for each u16 table and u16 events, then for each u32 timestamp (core/record-run.ts).
export const tagsAt = 0x1_8000
export const whatsAt = 0x1_a000
export const stampNumbersAt = 0x1_c000
export const mostRecords = 2048

/** Timestamps: u64 wall, u32 logical, u32 nothing. */
export const stampsAt = 0x1_e000
export const stampBytes = 16

/** For each table of a run the address of its program. */
export const pointersAt = 0x2_6000
export const mostTables = 256

/**
 * The results of a call, as u32: the first record that is not done (of COPY: its offset), messages, bytes of output, size of the largest
 * message, and 1 if the reference must write that record.
 */
export const resultsAt = 0x2_6400
export const resultNumbers = 5
/** For each message: where its key starts, which is where the one before ends, and after the last where that ends. */
export const mostMessages = 2048
export const bordersAt = 0x2_7000
/** Where its value starts, which record it is of, and whether it has no value. */
export const valueStartsAt = 0x2_9010
export const recordsAt = 0x2_d000
export const nilValuesAt = 0x2_f000

export const programsAt = 0x3_0000
export const programsEnd = 0x5_0000

/** An element of an array without its escapes. */
export const scratchAt = 0x5_0000
/** The open objects of a json value and their members. */
export const membersAt = 0x7_1000
/** A copy of an object whose members are being sorted. */
export const objectAt = 0x8_5000
export const objectBytes = 0x4_0000

/** The records, or messages of COPY. Up to 16 bytes after them are read. */
export const inputAt = 0xc_6000
export const inputBytes = 0x2_0000

/** The messages. Up to 64 bytes after `outputEnd` are written. */
export const outputAt = 0xe_7000
export const outputEnd = 0x1e_f000

// A program says how the messages of one table are printed for one changefeed: a head of u32 numbers, then steps and texts.
// Offsets are relative to the program.

export const headColumns = 0
/** How many bytes a message may have beside those that come from its record. */
export const headFixed = 4
/** 1: messages have the row before the change. */
export const headDiff = 8
// The steps of messages, key and value: u32 offset, u32 number of steps, u32 the step in whose text the value begins after the one byte
// that ends the key, u32 1 if there is no value.
export const headInserted = 12
export const headUpdated = 28
export const headDeleted = 44
export const headBytes = 60
export const listSteps = 4
export const listValueStep = 8
export const listIsNil = 12
export const keyEndBytes = 1

// A step prints a text, and then a value: u32 offset and u16 length of the text, u8 operation, u8 operation of the elements and
// u8 delimiter of an array, u32 address of the value among those of the rows. Where the host writes the value, the number of its
// writer stands in place of the operation of the elements.

export const stepBytes = 16
export const stepText = 0
export const stepLength = 4
export const stepOp = 6
export const stepElement = 7
export const stepDelimiter = 8
export const stepValue = 12

// Operations that print the value of a column.

export const opPlain = 0
export const opText = 1
export const opQuoted = 2
export const opTimestamptz = 3
export const opBool = 4
export const opNumeric = 5
export const opFloat = 6
export const opJson = 7
/** As `opJson`, but a JSON null is printed as an object, which NULL is not. */
export const opJsonNotNull = 8
export const opTimestamp = 9
export const opBytea = 10
export const opArray = 11
/** As `opArray`, but as text if the array has bounds: equal keys must have equal values. */
export const opKeyArray = 12
/** The host writes the value with the reference writer of its type. */
export const opHost = 13
export const mostHostWriters = 256
/** The host gives up a value that becomes longer than so many times its bytes, beside what the program has said of it. */
export const mostGrowth = 6

// Operations that print something else.

export const opMvcc = 32
export const opUpdated = 33
/** Prints nothing but the text of the step. */
export const opNothing = 34
