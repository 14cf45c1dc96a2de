const toTheRight = '---:'

/** A table; columns from `texts` on are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts = 1): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cellText).join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i < texts ? '---' : toTheRight))), ...rows.map(line)]
}

function cellText(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/(?<!\\)\|/g, '\\|')
}

/** Names of functions and messages of guests may hold anything, but no Markdown and no HTML of their own. */
export function escaped(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\\`*[\]|]/g, '\\$&')
}
