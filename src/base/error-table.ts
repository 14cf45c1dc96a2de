/** Exit status of the command: wrong use, host lacks something, build failed, guest failed; 1 is the function's own. */
type Status = 1 | 2 | 3 | 4 | 5

export interface ErrorEntry {
  status: Status
  /** What the code means, in one sentence. */
  title: string
  /** What to do next, in general. */
  fix: string
}

function entry(status: Status, title: string, fix: string): ErrorEntry {
  return { status, title, fix }
}

/** All error codes. docs/errors.md is generated from this table (`script/docs`), and a test keeps the two together. */
export const errorTable = {
  // Use of the command
  'UFR-USAGE': entry(2, 'The command line cannot be understood.', 'Run the command with --help.'),
  'UFR-INTERNAL': entry(
    3,
    'ufr itself failed in a way it has no name for.',
    'Run again with UFR_DEBUG=1 and report the output.',
  ),

  // Images and their formats
  'UFR-FORMAT': entry(
    2,
    'A file is not in the format it should be in: truncated, corrupt, or something else.',
    'Check that the file is whole; build or download it again.',
  ),
  'UFR-TREE': entry(
    4,
    'The files of a function cannot be put into one tree.',
    'Rename, move or leave out the file named (`files` in ufr.json).',
  ),
  'UFR-FILE-CHANGED': entry(
    4,
    'A file changed while the image was built from it.',
    'Build again when nothing else writes to the folder.',
  ),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorTable
