import { bootstrapDetector, type Detector, nativeDetector } from '../function/detect.ts'
import { detectNode } from './node/detect.ts'

const nodeDetector: Detector = {
  family: 'nodejs',
  looksFor: 'package.json, or a .mjs, .js or .cjs file with a handler or a server',
  detect(folder) {
    const found = detectNode(folder)
    return found && { runtime: 'nodejs', ...found }
  },
}

/** Which languages can tell a folder as theirs, in the order in which they are asked: what is most telling comes first. */
export const detectors: readonly Detector[] = [bootstrapDetector, nodeDetector, nativeDetector]
