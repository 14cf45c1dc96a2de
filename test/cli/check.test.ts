import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { codeElf, systemCall } from '../check/code-elf.ts'
import { scratch, ufr } from './command.ts'
import { homeWithKernel, writeProgram } from './home.ts'
import { document, errorDocument } from './schemas.ts'

const watching = codeElf(Uint8Array.from([...systemCall(294), ...systemCall(60)]))

test('check says what each kernel lacks, side by side, without a kernel in the store', async (t) => {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  const given = writeProgram(path.join(folder, 'f'), { tiny: watching })
  const { status, stdout, stderr } = await ufr(['check', given], { home })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^KERNEL +VERSION +WILL IT RUN\n/)
  assert.match(stdout, /^osv +\S+ \(not in the store\) +yes, but parts of it may fail$/m)
  assert.match(stdout, /^nanos +\S+ \(not in the store\) +yes$/m)
  assert.match(stdout, /^UFR-CALL \(may fail, osv, unikraft\): \/var\/task\/tiny may use inotify_init1, /m)
})

test('check --json has a document; the second time, the code is not read again', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const given = writeProgram(path.join(folder, 'f'), { tiny: watching })
  for (let time = 0; time < 2; time++) {
    const { status, stdout } = await ufr(['check', given, '--unikernel', 'nanos,osv', '--json'], { home })
    assert.equal(status, 0)
    const { kernels } = document('check', stdout)
    assert.deepEqual(
      kernels.map((each: { unikernel: string; verdict: string }) => [each.unikernel, each.verdict]),
      [
        ['nanos', 'fits'],
        ['osv', 'may fail'],
      ],
    )
    assert.notEqual(kernels[0].kernelVersion, null)
    assert.equal(kernels[1].kernelVersion, null)
  }
})

test('what a kernel refuses is exit status 1, what is no function is not', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const given = writeProgram(path.join(folder, 'f'), { tiny: watching })
  const small = await ufr(['check', given, '--unikernel', 'nanos', '--memory', '16', '--json'], { home })
  assert.equal(small.status, 1, small.stdout)
  const [kernel] = document('check', small.stdout).kernels
  assert.equal(kernel.verdict, 'fails')
  assert.match(kernel.findings[0].message, /does not start in 16 MiB/)
  const wrong = await ufr(['check', given, '--unikernel', 'nanos,ovs', '--json'], { home })
  assert.equal(wrong.status, 2)
  assert.match(
    errorDocument(wrong.stdout).message,
    /no kernel called "ovs"; did you mean osv\?|no kernel called "ovs"/,
  )
  const none = await ufr(['check', path.join(folder, 'nowhere'), '--json'], { home })
  assert.equal(none.status, 2)
})
