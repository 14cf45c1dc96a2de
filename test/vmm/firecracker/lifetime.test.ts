import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runtimeFolder } from '../../../src/base/own-folder.ts'
import { startMachine } from '../../../src/vmm/firecracker/firecracker.ts'
import { noJailReason } from '../../../src/vmm/firecracker/jail.ts'
import { fakeJailer } from './fake-jailer.ts'
import { type Lab, lab, settled } from './lab.ts'

const owner = fileURLToPath(new URL('owner.ts', import.meta.url))

/** A process that starts a machine; killed at the end of the test at the latest. */
function startOwner(t: TestContext, made: Lab, jail: boolean): ChildProcess {
  const jailer = jail ? fakeJailer(made.folder) : ''
  const args = ['--disable-warning=ExperimentalWarning', owner, made.firecracker, jailer]
  const child = spawn(process.execPath, [...args, JSON.stringify(made.spec)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

for (const { name, jail } of [
  { name: 'plain', jail: false },
  { name: 'jailed', jail: true },
]) {
  const skip = jail ? (noJailReason({ file: '', jailer: '/bin/true' }) ?? false) : false

  test(`${name}: when its owner is killed, a running machine is gone, and has left no file`, {
    skip,
  }, async (t) => {
    const made = lab(t, {}, { jail })
    const before = made.residue()
    const child = startOwner(t, made, jail)
    const [line] = (await once(child.stdout!, 'data')) as [Buffer]
    assert.match(line.toString(), /^running \d+\n$/)
    child.kill('SIGKILL')
    await noProcess(made)
    assert.deepEqual(own(made, child), [])
    assert.equal(made.residue().mounts, before.mounts)
  })

  for (const step of ['/machine-config', '/drives/disk0', '/actions InstanceStart']) {
    test(`${name}: when its owner is killed at ${step}, the next start removes what was left`, {
      skip,
    }, async (t) => {
      const made = lab(t, { hangAt: step }, { jail })
      const child = startOwner(t, made, jail)
      const isThere = () => made.asked().some(([, where, body]) => step === words(where, body))
      assert.equal(await settled(isThere, true, Object.is), true)
      child.kill('SIGKILL')
      await noProcess(made)
      // Before its guest runs, Firecracker has opened all there is: nothing has a name any more.
      assert.equal(own(made, child).length > 0, step !== '/actions InstanceStart')
      await assert.rejects(
        startMachine(
          { file: made.firecracker },
          made.spec,
          { accel: 'kvm', output: made.output },
          { startMs: 1 },
        ),
      )
      assert.deepEqual(own(made, child), [])
    })
  }
}

function words(where: unknown, body: unknown): string {
  const action = (body as { action_type?: string } | undefined)?.action_type
  return action === undefined ? String(where) : `${where} ${action}`
}

/** Folders of a process's machines that start, or were left there. */
function own(made: Lab, { pid }: ChildProcess): string[] {
  const folders = [runtimeFolder(), path.join(made.folder, 'home', 'run')]
  const names = folders.flatMap((folder) => (fs.existsSync(folder) ? fs.readdirSync(folder) : []))
  return names.filter((name) => name.split('-')[1] === String(pid))
}

async function noProcess(made: Lab): Promise<void> {
  const look = () => {
    const { processes, namespaces } = made.residue()
    return { processes: processes.length, namespaces }
  }
  const nothing = { processes: 0, namespaces: 0 }
  assert.deepEqual(await settled(look, nothing, (a, b) => a.processes === b.processes), nothing)
}
