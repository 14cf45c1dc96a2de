import type { FunctionSpec } from '../../function/spec.ts'
import type { Tree } from '../../image/tree.ts'
import { callPort, guestNetwork } from '../../vmm/machine.ts'
import { environmentOf } from '../environment.ts'
import { taskFolder } from '../program.ts'

/** Where AWS has the files of its runtimes; here there are none. */
const runtimeFolder = '/var/runtime'

/**
 * The variables of a program for the Runtime API: those of every handler, and where the API is: at the same address on
 * every link, so that the same image runs on all of them.
 * @throws UfrError UFR-CONFIG where the function's own variables have a name that AWS reserves.
 */
export function runtimeEnvironment(spec: FunctionSpec, tree: Tree): Record<string, string> {
  const all = environmentOf(spec, spec.handler ?? spec.command ?? '', { identifier: spec.runtime })
  // As on AWS, where runtimes of one's own have no name; and nothing of ours listens in this guest.
  const { AWS_EXECUTION_ENV: _name, UFR_PORT: _port, ...environment } = all
  return {
    LAMBDA_RUNTIME_DIR: runtimeFolder,
    AWS_LAMBDA_RUNTIME_API: `${guestNetwork.gateway}:${callPort}`,
    ...libraryPath(tree),
    ...environment,
  }
}

/** AWS looks there always; where there is nothing, it would only cost time. */
function libraryPath(tree: Tree): Record<string, string> {
  const folders = ['', '/lib'].filter((folder) => {
    const start = folder === '' ? '' : 'lib/'
    return tree
      .sorted()
      .some(([file]) => file.startsWith(start) && /^[^/]+\.so(\.|$)/.test(file.slice(start.length)))
  })
  return folders.length === 0
    ? {}
    : { LD_LIBRARY_PATH: folders.map((folder) => `/${taskFolder}${folder}`).join(':') }
}
