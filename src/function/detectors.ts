import { detectNode } from '../language/node/detect.ts'
import { bootstrapDetector, type Detector, nativeDetector } from './detect.ts'

const nodeDetector: Detector = {
  family: 'nodejs',
  looksFor:
    'a .mjs, .js or .cjs file that package.json names, is called index, app, main, handler or server, or is the only one',
  detect(folder) {
    const found = detectNode(folder)
    return found && { runtime: 'nodejs', ...found }
  },
}

/** In the order in which they are asked: what is most telling comes first. */
export const defaultDetectors: readonly Detector[] = [bootstrapDetector, nodeDetector, nativeDetector]
