import { bootstrapDetector, type Detector, nativeDetector } from '../function/detect.ts'
import { jvmDetector } from './jvm/detect.ts'
import { detectNode } from './node/detect.ts'
import { detectPython } from './python/detect.ts'
import { apiSourceDetector, sourceDetector } from './source/detect.ts'

const nodeDetector: Detector = {
  family: 'nodejs',
  looksFor: 'package.json, or a .mjs, .js or .cjs file with a handler or a server',
  detect(folder) {
    const found = detectNode(folder)
    return found && { runtime: 'nodejs', ...found }
  },
}

const pythonDetector: Detector = {
  family: 'python',
  looksFor: 'lambda_function.py, or another .py file with a handler or a server',
  detect(folder) {
    const found = detectPython(folder)
    return found && { runtime: 'python3.13', ...found }
  },
}

/** Which languages can tell a folder as theirs, in the order in which they are asked: what is most telling comes first. */
export const detectors: readonly Detector[] = [
  bootstrapDetector,
  apiSourceDetector,
  // Before Node.js: a project for the JVM may have a package.json and scripts for its pages.
  jvmDetector,
  nodeDetector,
  pythonDetector,
  nativeDetector,
  sourceDetector,
]
