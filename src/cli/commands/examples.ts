const languages = ['c', 'go', 'java', 'kotlin', 'node', 'python', 'rust', 'swift']

/** The folders of examples/, which are in the package as well; a test keeps the two together. */
export const exampleNames = ['hello', 'web'].flatMap((shape) =>
  languages.map((language) => `${shape}-${language}`),
)
