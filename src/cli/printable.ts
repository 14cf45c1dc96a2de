/**
 * Text of unknown origin for a terminal: names in a foreign image and console lines of a guest can hold anything, also
 * what a terminal would obey.
 */
export function printable(text: string): string {
  return text.replace(
    /[\0-\x1f\x7f-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** As `printable`, for texts whose tabs and line feeds are meant. */
export function printableLines(text: string): string {
  return text.replace(/[^\t\n]+/g, printable)
}
