import path from 'node:path'
import { UfrError } from '../../../base/errors.ts'
import type { Progress } from '../../../base/progress.ts'
import { treeView } from '../../../image/closure/file-view.ts'
import type { ImageConfig } from '../../../image/container/config.ts'
import type { ContainerImage } from '../../../image/container/image.ts'
import { layerSource } from '../../../image/container/layer.ts'
import type { ByteSource } from '../../../image/source.ts'
import { configDefaults } from '../../schema.ts'
import type { FunctionSpec, Shape } from '../../spec.ts'
import type { Overrides } from '../foreign.ts'
import { lambdaClient, lambdaRuntime, lambdaStart, withoutReserved } from './lambda.ts'
import { containerRoot } from './root.ts'
import { plainWords } from './shell.ts'
import { startOf } from './start.ts'

/** As container runtimes set it where an image does not. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const maxShown = 5

/**
 * An image as a function: its layers the guest's root, its configuration what is started there.
 * @param folder of the host that the image is in, for messages.
 * @throws UfrError UFR-CONTAINER for an image that starts nothing or waits for Lambda's Runtime API; as `layerSource`
 * and `flattenLayers` do.
 */
export async function containerSpec(
  image: ContainerImage,
  folder: string,
  overrides: Overrides,
  progress: Progress,
): Promise<FunctionSpec> {
  const { config, title } = image
  const settings = definite(overrides)
  const isForLambda = settings.runtime === lambdaRuntime
  const argv = argvOf(image, overrides)
  const client = lambdaClient(argv)
  if (client !== undefined && !isForLambda) throw forLambda(image, client)
  const layers: ByteSource[] = []
  for (const layer of image.layers) layers.push(await layerSource(layer, progress))
  const cwd = path.posix.resolve('/', settings.workingDirectory ?? config.workingDirectory)
  const root = containerRoot(image, layers, cwd)
  const own = isForLambda ? withoutReserved(config.environment) : config.environment
  const environment = { PATH: defaultPath, HOME: '/root', ...own, ...settings.environment }
  const lambda = isForLambda ? lambdaStart(argv) : undefined
  const started = startOf(treeView(root.tree()), lambda?.argv ?? argv, environment, cwd)
  const port = settings.port ?? portOf(config)
  const shape: Shape = isForLambda ? 'handler' : (settings.shape ?? (port === undefined ? 'program' : 'web'))
  const { handler = lambda?.handler, port: _port, ...rest } = settings
  const spec: FunctionSpec = {
    name: nameOf(title),
    runtime: 'native',
    memoryMiB: configDefaults.memory,
    cpus: configDefaults.cpus,
    timeoutSeconds: configDefaults.timeout,
    network: configDefaults.network,
    ...rest,
    shape,
    ...(shape === 'web' && port !== undefined && { port }),
    ...(handler !== undefined && { handler }),
    folder,
    command: started.argv[0]!,
    args: started.argv.slice(1),
    environment,
    files: [],
    root,
    workingDirectory: cwd,
    ...(started.forks !== undefined && { forks: { why: started.forks, fix: forksFix(image, overrides) } }),
    notes: notesOf(config, root.skipped(), title),
  }
  requireNative(spec)
  return spec
}

/** @throws UfrError UFR-CONTAINER for what ufr.json asks of an image in vain. */
function requireNative({ name, runtime, shape, handler }: FunctionSpec): void {
  if (runtime === lambdaRuntime) return
  if (runtime === 'native' && shape !== 'handler' && handler === undefined) return
  const what = runtime === 'native' ? 'a handler' : `a function for ${runtime}`
  throw new UfrError('UFR-CONTAINER', `${name} is a container image, which cannot be ${what}`, {
    fix: `Leave runtime, shape and handler out of ufr.json; an image with a client of Lambda's Runtime API in it has "runtime": "${lambdaRuntime}".`,
  })
}

type Definite<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function definite<T extends object>(overrides: T): Definite<T> {
  return Object.fromEntries(
    Object.entries(overrides).filter(([, value]) => value !== undefined),
  ) as Definite<T>
}

/** Entrypoint and command, or what the user gave in their place: as words, the way `sh -c` would start one program. */
function argvOf({ config, title }: ContainerImage, { command, args }: Overrides): string[] {
  if (command !== undefined) return [...(plainWords(command) ?? [command]), ...(args ?? [])]
  const argv = [...config.entrypoint, ...(args ?? config.command)]
  if (argv.length > 0 && argv[0] !== '') return argv
  throw new UfrError(
    'UFR-CONTAINER',
    `${title} does not say what to start: it has neither entrypoint nor command`,
    {
      fix: "Say it: --command '/path/in/image argument'",
    },
  )
}

/** The lowest port that is for TCP: an image has them in no order. */
function portOf({ exposedPorts }: ImageConfig): number | undefined {
  const ports = exposedPorts.map((text) => Number(/^(\d{1,5})(?:-\d{1,5})?(?:\/tcp)?$/i.exec(text)?.[1]))
  return ports.filter((port) => port > 0 && port < 65_536).sort((a, b) => a - b)[0]
}

/** `registry.example/team/hello:1.2` and `/tmp/hello.tar` both make `hello`. */
export function nameOf(title: string): string {
  const last = title
    .split('/')
    .at(-1)!
    .replace(/@.*$/, '')
    .replace(/:[^:]*$/, '')
  const name = last.replace(/\.tar$/, '').replace(/[^A-Za-z0-9_-]+/g, '-')
  return name.slice(0, 64).replace(/^-+|-+$/g, '') || 'function'
}

function notesOf({ user, volumes, exposedPorts }: ImageConfig, skipped: string[], title: string): string[] {
  const notes: string[] = []
  if (user !== '' && user !== 'root' && !/^0(:0)?$/.test(user))
    notes.push(`${title} is to run as user ${JSON.stringify(user)}; in a guest of its own it runs as root.`)
  if (volumes.length > 0)
    notes.push(`What ${title} writes, also to its volumes (${list(volumes)}), is gone when the guest ends.`)
  if (exposedPorts.length > 1)
    notes.push(
      `${title} exposes several ports (${list(exposedPorts)}); the lowest for TCP is the one that is asked.`,
    )
  if (skipped.length > 0) notes.push(`Left out of ${title}: devices, pipes or sockets (${list(skipped)}).`)
  return notes
}

function list(words: string[]): string {
  return words.slice(0, maxShown).join(', ') + (words.length > maxShown ? ', …' : '')
}

/** With the next step: the image's own command is mostly what an entrypoint script ends with. */
function forksFix({ config }: ContainerImage, { command }: Overrides): string {
  const known = command === undefined && config.entrypoint.length > 0 && config.command.length > 0
  const example = known ? config.command.map(quoted).join(' ') : '/path/to/program argument'
  return `Use --unikernel linux, or name the program that is started in the end: --command ${JSON.stringify(example)}`
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_./:,@%+=-]+$/.test(word) ? word : `'${word}'`
}

function forLambda({ title }: ContainerImage, client: string): UfrError {
  return new UfrError(
    'UFR-CONTAINER',
    `${title} is an image for AWS Lambda: ${client} waits for Lambda's Runtime API`,
    {
      fix: `Write { "image": …, "runtime": "${lambdaRuntime}" } into a ufr.json and run its folder; or run the function's own folder, with its runtime and handler in ufr.json.`,
    },
  )
}
