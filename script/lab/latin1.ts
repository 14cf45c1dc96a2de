/** The bytes of a text as latin1: a character a byte, so that a script can hold bytes that are no text. */
export function latin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}
