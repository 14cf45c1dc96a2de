/** The machine code of entry-stub.S, assembled by GNU as. */
export const entryStubCode = Buffer.from(
  [
    'UFFSVldBU78BAAAASI01XQAAAGgEAAAAWmoBWA8Fiz3k////g/8BdAVqA1gPBUiLTCQwSI10zEBIjRXB////SK1IhcB1+UitSInBSK3j',
    'FYP5CXXySDnQdQtIjQWg////SIlG+EFbX15aWVjpAAAAABtfG1w=',
  ].join(''),
  'base64',
)

/** Offsets of what is written anew for each file: 32 bits each, signed, little endian. */
export const stubFields = {
  /** Number of the file descriptor. */
  descriptor: 0x08,
  /** Where the program's own first instruction is, from the end of the field. */
  original: 0x5c,
  onward: 0x6c,
}
