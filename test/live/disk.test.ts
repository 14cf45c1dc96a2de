import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { locateQemu } from '../../src/vmm/qemu/binary.ts'
import { hostTscKhz } from '../../src/vmm/qemu/tsc.ts'
import { folderOf, kernels, lacking, ufr, until } from './ufr.ts'

const source = "console.log('the disk runs: ' + process.argv[2])"
const config = {
  name: 'disk',
  runtime: 'nodejs24.x',
  shape: 'program',
  command: 'index.mjs',
  args: ['by itself'],
}

/** QEMU as a user of the disk would call it, not as the driver does; its console is collected. */
function boot(t: TestContext, args: string[]): { output(): string; child: ChildProcess } {
  const fixed = ['-accel', 'tcg', '-cpu', 'max', '-m', '512', '-nodefaults', '-display', 'none', '-no-reboot']
  const child = spawn(locateQemu()!, [...fixed, '-serial', 'stdio', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
  child.on('close', () => clearTimeout(timer))
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  return { output: () => output, child }
}

async function exported(t: TestContext, kernel: string): Promise<{ disk: string; folder: string }> {
  const folder = folderOf(t, {
    'function/ufr.json': JSON.stringify(config),
    'function/index.mjs': source,
  })
  const disk = path.join(folder, 'disk.img')
  const { status, stderr } = await ufr(t, [
    'build',
    path.join(folder, 'function'),
    '--unikernel',
    kernel,
    '-o',
    disk,
  ])
  assert.equal(status, 0, stderr)
  return { disk, folder }
}

test('nanos: an exported disk boots by itself, from its own boot loader', {
  skip: lacking('nanos'),
}, async (t) => {
  const { disk } = await exported(t, 'nanos')
  const { output, child } = boot(t, [
    ...['-M', 'q35', '-device', 'isa-debug-exit'],
    ...['-drive', `if=none,id=d,format=raw,file=${disk}`, '-device', 'virtio-blk-pci,drive=d'],
  ])
  await until(() => child.exitCode !== null, 'the end of the guest', 120_000)
  assert.match(output(), /the disk runs: by itself/)
  assert.equal(child.exitCode, 1, 'exit status 0 by way of the exit device')
})

test('linux: an exported disk boots with the kernel and initramfs that are in it', {
  skip: lacking('linux'),
}, async (t) => {
  const { disk, folder } = await exported(t, 'linux')
  const files = path.join(folder, 'files')
  const { status, stderr } = await ufr(t, ['image', 'extract', disk, files])
  assert.equal(status, 0, stderr)
  const clock = `tsc=reliable tsc_early_khz=${await hostTscKhz()}`
  const { output, child } = boot(t, [
    ...['-M', 'microvm,acpi=on,rtc=on'],
    ...['-kernel', path.join(files, 'boot/vmlinux'), '-initrd', path.join(files, 'boot/initramfs')],
    ...['-append', `console=ttyS0 quiet panic=-1 reboot=t ${clock}`],
    ...['-drive', `if=none,id=d,format=raw,readonly=on,file=${disk}`, '-device', 'virtio-blk-device,drive=d'],
  ])
  await until(() => /ufr;exit;0/.test(output()) || child.exitCode !== null, 'the end of the program', 120_000)
  assert.match(output(), /the disk runs: by itself/)
})

for (const kernel of kernels) {
  test(`${kernel}: the same function gives the same bytes, wherever and whenever it is built`, {
    skip: lacking(kernel),
  }, async (t) => {
    const build = async () => {
      const { disk, folder } = await exported(t, kernel)
      const sum = createHash('sha256').update(fs.readFileSync(disk)).digest('hex')
      const args = ['build', path.join(folder, 'function'), '--unikernel', kernel, '--json']
      const { stdout } = await ufr(t, args)
      const { image } = JSON.parse(stdout)
      fs.utimesSync(path.join(folder, 'function/index.mjs'), 0, 0)
      fs.chmodSync(path.join(folder, 'function/index.mjs'), 0o600)
      const again = JSON.parse((await ufr(t, args)).stdout).image
      assert.deepEqual([image.cached, again.cached, again.digest], [true, true, image.digest])
      return { sum, digest: image.digest }
    }
    assert.deepEqual(await build(), await build())
  })
}
