import path from 'node:path'
import type { Detected, Detector } from '../../function/detect.ts'
import { buildToolOf, cEndings, sourcesIn, swiftSourcesIn, textIn } from './find.ts'

/** What tells a client of AWS's Runtime API, by file. */
const apiSigns: [names: (folder: string) => string[], sign: RegExp][] = [
  [() => ['Cargo.toml'], /^\s*(?:lambda_runtime|lambda_http)\b/m],
  [() => ['go.mod'], /github\.com\/aws\/aws-lambda-go\b/],
  [() => ['Package.swift'], /\bswift-aws-lambda-runtime\b/],
  [swiftSourcesIn, /AWS_LAMBDA_RUNTIME_API|^\s*import\s+AWSLambda/m],
  [(folder) => sourcesIn(folder, cEndings), /AWS_LAMBDA_RUNTIME_API/],
]
/** What tells a server. */
const serverSigns: [names: (folder: string) => string[], sign: RegExp][] = [
  [() => ['Cargo.toml'], /^\s*(?:actix-web|axum|hyper|poem|rocket|salvo|tide|tiny_http|warp)\b/m],
  [(folder) => sourcesIn(folder, ['.rs']), /\bTcpListener::bind\b/],
  [() => ['go.mod'], /github\.com\/(?:gin-gonic\/gin|labstack\/echo|gofiber\/fiber)\b/],
  [(folder) => sourcesIn(folder, ['.go']), /\bListenAndServe\(|\bhttp\.Serve\(|\bnet\.Listen\(/],
  [() => ['Package.swift'], /"(?:vapor|hummingbird|FlyingFox|Swifter|Kitura|grpc-swift)"/],
  [
    swiftSourcesIn,
    /\bServerBootstrap\(|\blisten\s*\([\s\S]*\baccept4?\s*\(|\baccept4?\s*\([\s\S]*\blisten\s*\(/,
  ],
  [
    (folder) => sourcesIn(folder, cEndings),
    /\blisten\s*\([\s\S]*\baccept4?\s*\(|\baccept4?\s*\([\s\S]*\blisten\s*\(/,
  ],
]

/** Sources of a program that uses the Runtime API. */
export const apiSourceDetector: Detector = {
  family: 'provided',
  looksFor: 'sources of a program for the Runtime API (Cargo.toml, go.mod, Package.swift, Swift, C)',
  detect(folder) {
    const found = buildToolOf(folder) && shows(folder, apiSigns)
    return found ? { runtime: 'provided.al2023', shape: 'handler' } : undefined
  },
}

/** Sources of a server or any other program. */
export const sourceDetector: Detector = {
  family: 'native',
  looksFor: 'a Cargo.toml, go.mod, Package.swift or Makefile, Swift or C sources',
  detect(folder): Detected | undefined {
    if (!buildToolOf(folder)) return undefined
    return {
      runtime: 'native',
      shape: shows(folder, serverSigns) ? 'web' : 'program',
      command: programName(folder),
    }
  },
}

function shows(folder: string, signs: typeof apiSigns): boolean {
  return signs.some(([names, sign]) => names(folder).some((name) => sign.test(textIn(folder, name) ?? '')))
}

/** The program's name: the package's, or the folder's. */
function programName(folder: string): string {
  const cargo = textIn(folder, 'Cargo.toml')
  const [, inPackage = ''] = /^\[package\]$([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(cargo ?? '') ?? []
  const [, name] = /^\s*name\s*=\s*"([^"\n]{1,100})"/m.exec(inPackage) ?? []
  const [, module] = /^module\s+(\S+)/m.exec(textIn(folder, 'go.mod') ?? '') ?? []
  const manifest = textIn(folder, 'Package.swift') ?? ''
  const [, target] = /\.executableTarget\(\s*name\s*:\s*"([^"\n]{1,100})"/.exec(manifest) ?? []
  const said = name ?? module?.split('/').at(-1) ?? target
  return said !== undefined && /^[\w.-]+$/.test(said) && !/^\.+$/.test(said) ? said : path.basename(folder)
}
