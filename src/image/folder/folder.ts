import { UfrError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import { fileContent } from '../content.ts'
import type { Origin } from '../origin.ts'
import { Tree } from '../tree.ts'
import { compileRule, type FileRule, type Placement } from './file-rule.ts'
import { readIgnore } from './ignore.ts'
import { relativeLink } from './link-end.ts'
import { type Scanned, scanFolder } from './scan.ts'

type Scan = Map<string, Scanned>

/**
 * The files of a function's folder: all of them, or those that the rules name, but for what .ufrignore and a short
 * list of defaults leave out (docs/ufr-json.md). Contents are read when the image is written.
 * @throws UfrError UFR-TREE for what cannot go into an image, UFR-TREE-LOOP for links that lead in a circle.
 */
export function folderTree(folder: string, rules: readonly FileRule[]): Tree {
  const scan = scanFolder(folder, readIgnore(folder))
  const tree = new Tree()
  if (rules.length > 0) return selectedTree(tree, scan, rules)
  const origin: Origin = { reason: 'folder' }
  for (const [path, entry] of scan) setEntry(tree, path, entry, origin)
  return tree
}

function setEntry(tree: Tree, path: string, entry: Scanned, origin: Origin): void {
  if (entry.kind === 'file') {
    const content = fileContent(entry.file, entry.size)
    tree.set(path, { kind: 'file', mode: entry.mode, content, origin })
  } else if (entry.kind === 'directory') tree.set(path, { kind: 'directory', mode: 0o755, origin })
  else tree.set(path, { kind: 'link', target: entry.target, origin })
}

interface Placed {
  /** Path in the folder. */
  path: string
  placement: Placement
}

/** Rules are applied in order: where two put something at the same place, the later one counts. */
function selectedTree(tree: Tree, scan: Scan, rules: readonly FileRule[]): Tree {
  const placements = rules.map((rule, i) => compileRule(rule, i, scan))
  const links = new Map<string, Placed>()
  for (const [i, placement] of placements.entries()) {
    const origin: Origin = { reason: placement.exact ? 'named' : 'matched', from: rules[i]!.from }
    let matched = false
    for (const [path, entry] of scan) {
      if (!placement.matches(path)) continue
      matched = true
      const target = placement.place(path)
      // A folder whose content becomes the content of the root.
      if (target === '') continue
      if (entry.kind !== 'directory' || !tree.has(target)) setEntry(tree, target, entry, origin)
      if (entry.kind === 'link') links.set(target, { path, placement })
      else links.delete(target)
    }
    if (!matched) throw noMatch(rules[i]!, i, scan)
  }
  for (const [target, placed] of links) relink(tree, scan, target, placed, placements)
  return tree
}

/** Lets a link lead to where its target went; one whose target is not there, or is ignored, stays as it is. */
function relink(tree: Tree, scan: Scan, target: string, placed: Placed, placements: Placement[]): void {
  const entry = scan.get(placed.path)
  if (entry?.kind !== 'link') return
  for (const placement of [placed.placement, ...placements.toReversed()]) {
    if (!placement.covers(entry.to)) continue
    const to = placement.place(entry.to)
    if (to !== '' && !tree.has(to)) continue
    if (to !== entry.to || target !== placed.path)
      tree.set(target, { ...tree.get(target), kind: 'link', target: relativeLink(target, to) })
    return
  }
  if (scan.has(entry.to)) {
    throw new UfrError(
      'UFR-TREE',
      `${placed.path} is a link to ${entry.to}, which no rule in \`files\` names`,
      {
        fix: `Add ${JSON.stringify(entry.to)} to \`files\` in ufr.json.`,
      },
    )
  }
}

function noMatch(rule: FileRule, index: number, scan: Scan): UfrError {
  const near = scan.size <= 10_000 ? nearest(rule.from, scan.keys()) : undefined
  const fix = 'Correct it in ufr.json; what .ufrignore names is not there for `files` either.'
  return new UfrError(
    'UFR-TREE',
    `files[${index}] in ufr.json: nothing matches ${JSON.stringify(rule.from)}`,
    {
      fix: near === undefined ? fix : `Did you mean ${JSON.stringify(near)}? ${fix}`,
    },
  )
}
