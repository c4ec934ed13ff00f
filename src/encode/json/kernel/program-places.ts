// Where programs lie in the kernel's memory. They stay until there is no room for another one.

import { pointersAt, programsAt, programsEnd } from './layout.ts'
import type { Program } from './program.ts'

export class ProgramPlaces {
  readonly #memory: Buffer
  readonly #numbers: Uint32Array<ArrayBuffer>
  readonly #places = new Map<Program, number>()
  readonly #programs = new Map<number, Program>()
  #next = programsAt

  constructor(memory: Buffer, numbers: Uint32Array<ArrayBuffer>) {
    this.#memory = memory
    this.#numbers = numbers
  }

  /** Makes the programs those of the tables of the next call. */
  use(programs: readonly Program[]): void {
    if (!programs.every((program) => this.#place(program))) {
      // The programs of other runs make room. Where that is not enough, the kernel leaves the records of some tables.
      this.#places.clear()
      this.#programs.clear()
      this.#next = programsAt
      for (const program of programs) this.#place(program)
    }
    for (let i = 0; i < programs.length; i++)
      this.#numbers[pointersAt / 4 + i] = this.#places.get(programs[i] as Program) ?? 0
  }

  /** Returns the program at an address. */
  at(place: number): Program | undefined {
    return this.#programs.get(place)
  }

  /** Returns false if there is no room. */
  #place(program: Program): boolean {
    if (this.#places.has(program)) return true
    const { bytes } = program
    if (this.#next + bytes.length > programsEnd) return false
    this.#memory.set(bytes, this.#next)
    this.#places.set(program, this.#next)
    this.#programs.set(this.#next, program)
    this.#next = (this.#next + bytes.length + 15) & ~15
    return true
  }
}
