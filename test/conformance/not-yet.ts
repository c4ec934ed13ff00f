// Cases that do not pass, each with why. A case in this list that passes all the same fails the run: take it out.

export const notYet: Readonly<Record<string, string>> = {
}
