import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseAllDocuments, type Scalar } from 'yaml'
import { inputError, type TextFile } from '../text.ts'

/** A value of a YAML file with its place in the text. Scalars are texts: what they mean depends on the key. */
export type YamlValue =
  | { kind: 'text'; text: string; quoted: boolean; at: number }
  | { kind: 'list'; items: YamlValue[]; at: number }
  | { kind: 'map'; entries: Map<string, { value: YamlValue; keyAt: number }>; at: number }

const maxDepth = 40
/** Of a file, in characters: the parser compares every key with all others of its map. */
const maxLength = 64 << 10

/**
 * Reads the one document of a YAML file. Anchors, aliases and tags are refused: no Kraftfile has them, and an alias makes
 * much of little.
 * @throws UfrError UFR-INPUT
 */
export function readYaml(file: TextFile): YamlValue {
  if (file.text.length > maxLength) throw inputError(file, 0, `larger than ${maxLength >> 10} KiB`)
  const [document, second] = documentsOf(file)
  const [wrong] = [...(document?.errors ?? []), ...(document?.warnings ?? [])]
  if (wrong?.code === 'RESOURCE_EXHAUSTION') throw tooDeep(file, 0)
  if (wrong) throw inputError(file, wrong.pos[0], wrong.message)
  if (second) throw inputError(file, second.range[0], 'a second document')
  return nodeValue(file, document?.contents, 0, 0)
}

function documentsOf(file: TextFile) {
  try {
    const documents = parseAllDocuments(file.text, { schema: 'failsafe', prettyErrors: false })
    return 'empty' in documents ? [] : documents
  } catch (error) {
    // The parser calls itself for what is nested, until there is no stack left; not everywhere does it say so itself.
    if (error instanceof RangeError) throw tooDeep(file, 0)
    throw error
  }
}

function tooDeep(file: TextFile, at: number): Error {
  return inputError(file, at, `nested more than ${maxDepth} deep`)
}

function nodeValue(file: TextFile, node: Node | null | undefined, before: number, depth: number): YamlValue {
  const at = node?.range?.[0] ?? before
  if (!node) return { kind: 'text', text: '', quoted: false, at }
  if (depth > maxDepth) throw tooDeep(file, at)
  if (isAlias(node) || node.anchor) throw inputError(file, at, 'anchors and aliases are not taken')
  if (node.tag) throw inputError(file, at, 'tags are not taken')
  if (isMap<Node, Node | null>(node)) {
    return { kind: 'map', entries: entriesOf(file, node.items, at, depth + 1), at }
  }
  if (isSeq<Node | null>(node)) {
    return { kind: 'list', items: node.items.map((item) => nodeValue(file, item, at, depth + 1)), at }
  }
  return {
    kind: 'text',
    text: textOf(node as Scalar),
    quoted: /^QUOTE/.test((node as Scalar).type ?? ''),
    at,
  }
}

function entriesOf(file: TextFile, pairs: Pair<Node, Node | null>[], at: number, depth: number) {
  const entries = new Map<string, { value: YamlValue; keyAt: number }>()
  for (const { key, value } of pairs) {
    const keyAt = key?.range?.[0] ?? at
    if (!isScalar(key)) throw inputError(file, keyAt, 'a key has to be a text')
    entries.set(textOf(key), { value: nodeValue(file, value, keyAt, depth), keyAt })
  }
  return entries
}

function textOf({ value }: Scalar): string {
  return typeof value === 'string' ? value : ''
}
