import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { UfrError } from '../../../src/base/errors.ts'
import { runtimeFolder } from '../../../src/base/own-folder.ts'
import { type FirecrackerVm, startMachine } from '../../../src/vmm/firecracker/firecracker.ts'
import { noJailReason } from '../../../src/vmm/firecracker/jail.ts'
import type { Play } from './fake.ts'
import { fakeJailer } from './fake-jailer.ts'
import { type Lab, lab, settled } from './lab.ts'
import type { Residue } from './residue.ts'

const steps = [
  'start',
  '/machine-config',
  '/boot-source',
  '/drives/disk0',
  '/drives/disk1',
  '/entropy',
  '/actions InstanceStart',
]

const noJail = noJailReason({ file: '', jailer: '/bin/true' }) ?? false

/** Both ways in which Firecracker runs. */
const ways = [
  { name: 'plain', jail: false, skip: false as const },
  { name: 'jailed', jail: true, skip: noJail },
]

async function start(t: TestContext, made: Lab, jail: boolean, startMs = 60_000): Promise<FirecrackerVm> {
  const binary = { file: made.firecracker, ...(jail && { jailer: fakeJailer(made.folder) }) }
  const vm = await startMachine(binary, made.spec, { accel: 'kvm', output: made.output }, { startMs })
  t.after(() => vm.stop())
  return vm
}

for (const { name, jail, skip } of ways) {
  test(`${name}: a machine is made by requests in order, prints, counts and is stopped`, {
    skip,
  }, async (t) => {
    const made = lab(t, { console: 'Hello ü\n' }, { jail })
    const before = made.residue()
    const vm = await start(t, made, jail)
    const running = made.residue()
    assert.deepEqual([running.processes.length > 0, running.namespaces], [true, jail ? 2 : 0])
    // What had a name is gone, but for empty folders; the scratch disk's copy lives on without one.
    const own = ({ files }: Residue) => files.filter((file) => !isShared(file))
    assert.deepEqual(own(running), own(before))
    const [[, args], ...requests] = made.asked() as [[string, string[]], ...[string, string, object][]]
    assert.equal(args.includes('--api-sock'), true)
    const at = (file: string, inside: string) => (jail ? `/${inside}` : file)
    const scratch = (requests[2]![2] as { path_on_host: string }).path_on_host
    if (!jail) assert.match(scratch, /\/home\/run\/[^/]+\/disk0$/)
    assert.deepEqual(requests, [
      ['PUT', '/machine-config', { vcpu_count: 2, mem_size_mib: 128 }],
      [
        'PUT',
        '/boot-source',
        {
          kernel_image_path: at(made.spec.kernel.file, 'kernel'),
          boot_args: 'console=ttyS0 -- a "b c"',
          initrd_path: at(made.spec.initrd!.file, 'initrd'),
        },
      ],
      [
        'PUT',
        '/drives/disk0',
        { drive_id: 'disk0', path_on_host: at(scratch, 'disk0'), is_root_device: false, is_read_only: false },
      ],
      [
        'PUT',
        '/drives/disk1',
        {
          drive_id: 'disk1',
          path_on_host: at(made.spec.disks[1]!.file, 'disk1'),
          is_root_device: false,
          is_read_only: true,
        },
      ],
      ['PUT', '/entropy', {}],
      ['PUT', '/actions', { action_type: 'InstanceStart' }],
    ])
    assert.ok(vm.times.vcpu > vm.times.spawned)
    assert.match(fs.readFileSync(`/proc/${vm.pid}/cmdline`, 'latin1'), /firecracker/)
    assert.equal((await vm.metrics())['flushes'], 1)
    assert.equal((await vm.metrics())['flushes'], 2)
    assert.equal(made.printed(), 'Hello ü\n')
    await vm.stop()
    const end = await vm.exit
    assert.deepEqual([end.code, end.signal], [null, 'SIGKILL'])
    assert.equal((await vm.metrics())['flushes'], 2)
    await leavesNothing(made, before)
  })

  for (const step of steps) {
    test(`${name}: killed at ${step}, it leaves nothing behind`, { skip }, async (t) => {
      const made = lab(t, { dieAt: step }, { jail })
      const before = made.residue()
      await assert.rejects(start(t, made, jail), (error: UfrError) => {
        assert.equal(error.code, 'UFR-VMM-START')
        assert.match(error.message, /^Firecracker did not start: it got SIGKILL$/)
        return true
      })
      await leavesNothing(made, before)
    })
  }

  test(`${name}: killed while it runs, it ends by that signal and leaves nothing behind`, {
    skip,
  }, async (t) => {
    const made = lab(t, { console: 'last words' }, { jail })
    const before = made.residue()
    const vm = await start(t, made, jail)
    process.kill(vm.pid, 'SIGKILL')
    const { signal, code } = await vm.exit
    assert.deepEqual([signal, code], ['SIGKILL', null])
    assert.equal(made.printed(), 'last words')
    await vm.stop()
    await leavesNothing(made, before)
  })

  test(`${name}: a machine that ends by itself has told all`, { skip }, async (t) => {
    const text = 'x'.repeat(40_000)
    const made = lab(t, { console: text, endsAfter: 1 }, { jail })
    const vm = await start(t, made, jail)
    assert.deepEqual(await vm.exit, { code: 0, signal: null, errors: '' })
    assert.equal(made.printed(), text)
  })

  const refusals: [name: string, play: Play, message: RegExp][] = [
    [
      'a refusal is passed on in words',
      { refuse: { '/drives/disk1': 'Unable to open the backing file: Permission denied' } },
      /^Firecracker refused PUT \/drives\/disk1: Unable to open the backing file: Permission denied$/,
    ],
    [
      'a refused start is passed on in words',
      { refuse: { '/actions InstanceStart': 'Kvm error: Error opening KVM: No such file or directory' } },
      /^Firecracker refused PUT \/actions: Kvm error: Error opening KVM/,
    ],
    [
      'an end by itself is told with what the log says',
      {
        exitAt: {
          path: '/entropy',
          status: 148,
          log: 'Shutting down VM after intercepting a bad syscall (1).',
        },
      },
      /^Firecracker did not start: Shutting down VM after intercepting a bad syscall \(1\)\.$/,
    ],
    [
      'no answer has a limit',
      { hangAt: '/boot-source' },
      /^Firecracker did not start: it took longer than 2 s$/,
    ],
  ]
  for (const [what, play, message] of refusals) {
    test(`${name}: ${what}`, { skip }, async (t) => {
      const made = lab(t, play, { jail })
      const before = made.residue()
      await assert.rejects(
        start(t, made, jail, play.hangAt === undefined ? undefined : 2000),
        (error: UfrError) => {
          assert.equal(error.code, 'UFR-VMM-START')
          assert.match(error.message, message)
          assert.equal(error.detail[0], made.firecracker)
          return true
        },
      )
      await leavesNothing(made, before)
    })
  }
}

/** Folders that all machines share: they stay, and nothing is in them but each other. */
function isShared(file: string): boolean {
  const name = path.relative(runtimeFolder(), file)
  return ['jail', 'jail/firecracker', 'jail/firecracker/ufr', 'jail/firecracker/ufr/root'].includes(name)
}

/** The folders that hold others' stay; and a descriptor of before may have been closed meanwhile. */
async function leavesNothing(made: Lab, before: Residue): Promise<void> {
  const look = () => {
    const { files, descriptors, ...now } = made.residue()
    const known = (file: string) => before.files.includes(file) || isShared(file)
    return {
      ...now,
      files: [...before.files, ...files.filter((file) => !known(file))],
      descriptors: Math.max(descriptors, before.descriptors),
    }
  }
  assert.deepEqual(await settled(look, before, isDeepStrictEqual), before)
}

test('what cannot be is refused before anything is made', async (t) => {
  const made = lab(t)
  const refused = (spec: object, options: object, code: string, message: RegExp) =>
    assert.rejects(
      startMachine(
        { file: made.firecracker },
        { ...made.spec, ...spec },
        { accel: 'kvm', output: made.output, ...options },
      ),
      (error: UfrError) => error instanceof UfrError && error.code === code && message.test(error.message),
    )
  await refused({}, { accel: 'tcg' }, 'UFR-MACHINE', /cannot emulate/)
  await refused({ board: 'pc' }, {}, 'UFR-MACHINE', /no pc hardware/)
  await refused({ errorLine: true }, {}, 'UFR-MACHINE', /one serial line/)
  await refused({}, { link: { kind: 'user' } }, 'UFR-MACHINE', /no network stack of its own/)
  await refused({ cpus: 33 }, {}, 'UFR-MACHINE', /1 to 32 CPUs/)
  await refused(
    { kernel: { ...made.spec.kernel, protocols: ['multiboot'] } },
    {},
    'UFR-VMM-KERNEL',
    /multiboot only/,
  )
  const socket = path.join(made.folder, 'x'.repeat(100), 'vsock')
  await refused(
    {},
    { link: { kind: 'vsock', socket } },
    'UFR-SOCKET-PATH',
    /and the path of a socket may have 107/,
  )
  assert.deepEqual(made.asked(), [])
  assert.equal(fs.existsSync(path.join(made.folder, 'home')), false)
})

test('a scratch disk that is not there is an error, and leaves nothing behind', async (t) => {
  const made = lab(t)
  const before = made.residue()
  const disks = [{ ...made.spec.disks[0]!, file: path.join(made.folder, 'missing') }]
  const options = { accel: 'kvm', output: made.output } as const
  await assert.rejects(startMachine({ file: made.firecracker }, { ...made.spec, disks }, options), {
    code: 'UFR-COMMAND',
  })
  await leavesNothing(made, before)
})

test('a program that is no Firecracker says what it is', async (t) => {
  const made = lab(t)
  fs.writeFileSync(made.firecracker, '#!/bin/sh\necho wrong program >&2\nexit 3\n', { mode: 0o755 })
  await assert.rejects(start(t, made, false), {
    code: 'UFR-VMM-START',
    message: 'Firecracker did not start: wrong program',
  })
})
