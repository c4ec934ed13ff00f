// Reads sizes such as 16MB, 1.5 GiB or 100000. KB, MB and so on are powers of ten, KiB, MiB and so on powers of two.

const powers = ['', 'k', 'm', 'g', 't', 'p']

/** Returns undefined if the text is no size of at least one byte. */
export function readSize(text: string): number | undefined {
  const [, number = '', prefix = '', binary] = /^\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?\s*$/i.exec(text) ?? []
  if (number === '') return undefined
  if (binary !== '' && prefix === '') return undefined
  const size = Math.floor(Number(number) * (binary === '' ? 1000 : 1024) ** powers.indexOf(prefix.toLowerCase()))
  return size >= 1 && Number.isSafeInteger(size) ? size : undefined
}
