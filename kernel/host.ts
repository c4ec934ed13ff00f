// What the kernel asks of its host, which gives it under the name of this file.

/**
 * Writes a value of a type for which the kernel has no operation: a composite, or an array of them. `writer` is a number among the
 * writers of the program. Returns the address after the value; 0, which is GIVEN_UP, if the reference must write the row.
 */
export declare function writeByHost(program: usize, writer: u32, o: usize, start: usize, end: usize): usize
