/** Returns a part of a URI without its percent encoding. What is not encoded rightly is taken as it is written. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
