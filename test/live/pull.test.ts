import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { runCommand } from '../../src/base/process.ts'
import { noProgress } from '../../src/base/progress.ts'
import { ensureNodeRuntime } from '../../src/kernel/node/node-runtime.ts'
import { kernelFiles, listKernels, verifyKernel } from '../../src/kernel/store.ts'
import { pullLinux } from '../../src/unikernel/linux/pull.ts'

const major = 24
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-live-pull-'))
const before = process.env['UFR_HOME']
process.env['UFR_HOME'] = home
after(() => {
  fs.rmSync(home, { recursive: true, force: true })
  if (before === undefined) delete process.env['UFR_HOME']
  else process.env['UFR_HOME'] = before
})

const required = (process.env['UFR_REQUIRE'] ?? '').split(',').includes('linux')

/** What cannot be had here: packages or the registry out of reach. Anything else is a failure of ours. */
function unreachable(error: unknown): string | undefined {
  if (required) return undefined
  const codes = ['UFR-DEBIAN', 'UFR-RUNTIME', 'UFR-COMMAND']
  return error instanceof UfrError && codes.includes(error.code) ? error.message : undefined
}

/** Runs a module's text with the same UFR_HOME and no network at all. @returns undefined where that cannot be done. */
async function withoutNetwork(script: string): Promise<string | undefined> {
  const namespace = process.getuid?.() === 0 ? ['-n'] : ['-r', '-n']
  try {
    await runCommand('unshare', [...namespace, 'true'])
  } catch {
    return undefined
  }
  const node = [process.execPath, '--input-type=module', '-e', script]
  return (await runCommand('unshare', [...namespace, '--', ...node])).stdout
}

const source = (name: string) => JSON.stringify(path.resolve(import.meta.dirname, '../../src', name))

test("live: Debian's kernel through apt, and again without a network", { timeout: 600_000 }, async (t) => {
  const pulled = await pullLinux(noProgress()).catch((error: unknown) => {
    const why = unreachable(error)
    if (why === undefined) throw error
    t.skip(`no Debian packages to be had: ${why}`)
    return undefined
  })
  if (!pulled) return
  assert.equal(pulled.already, false)
  verifyKernel(pulled.kernel)
  const modules = kernelFiles(pulled.kernel, 'module').map((file) => path.basename(file, '.ko'))
  for (const name of ['virtio_blk', 'virtio_net', 'erofs', 'overlay']) assert.ok(modules.includes(name), name)
  assert.ok(modules.indexOf('virtio_ring') < modules.indexOf('virtio_blk'))
  const again = await withoutNetwork(`
import { pullLinux } from ${source('unikernel/linux/pull.ts')}
import { noProgress } from ${source('base/progress.ts')}
process.stdout.write(String((await pullLinux(noProgress())).already))`)
  if (again !== undefined) assert.equal(again, 'true')
  assert.equal(listKernels().kernels.length, 1)
})

test('live: the Node.js runtime through npm and apt, and again without a network', {
  timeout: 600_000,
}, async (t) => {
  const runtime = await ensureNodeRuntime(major, noProgress()).catch((error: unknown) => {
    const why = unreachable(error)
    if (why === undefined) throw error
    t.skip(`no Node.js runtime to be had: ${why}`)
    return undefined
  })
  if (!runtime) return
  // Through its own dynamic linker and libraries only, as in a guest, but without needing root for a chroot.
  const linker = path.join(runtime.root, 'lib64/ld-linux-x86-64.so.2')
  const libraries = ['--inhibit-cache', '--library-path', path.join(runtime.root, 'lib/x86_64-linux-gnu')]
  const node = path.join(runtime.root, 'usr/bin/node')
  const { stdout } = await runCommand(linker, [...libraries, node, '-p', 'process.version'])
  assert.equal(stdout, `v${runtime.version}\n`)
  const again = await withoutNetwork(`
import { ensureNodeRuntime } from ${source('kernel/node/node-runtime.ts')}
import { noProgress } from ${source('base/progress.ts')}
process.stdout.write((await ensureNodeRuntime(${major}, noProgress())).key)`)
  if (again !== undefined) assert.equal(again, runtime.key)
})
