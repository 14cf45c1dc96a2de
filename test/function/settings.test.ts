import assert from 'node:assert/strict'
import { test } from 'node:test'
import { environmentSettings, flagSettings } from '../../src/function/settings.ts'

test('flags become settings; what is not given, or no key, is not there', () => {
  const flags = { memory: '256', timeout: '5', unikernel: 'nanos', vmm: undefined, json: true, event: '{}' }
  assert.deepEqual(flagSettings(flags), { memoryMiB: 256, timeoutSeconds: 5, unikernel: 'nanos' })
  assert.deepEqual(flagSettings({ memory: 512 }), { memoryMiB: 512 })
  assert.deepEqual(flagSettings({}), {})
})

test('variables become settings; an empty one is not set', () => {
  const environment = { UFR_MEMORY: '64', UFR_VMM: 'qemu', UFR_TIMEOUT: '', UFR_HOME: '/x', MEMORY: '1' }
  assert.deepEqual(environmentSettings(environment), { memoryMiB: 64, vmm: 'qemu' })
})

test('the entry mark is switched off by a variable, for all functions', () => {
  assert.deepEqual(environmentSettings({ UFR_ENTRY_MARK: 'off' }), { entryMark: false })
  assert.deepEqual(environmentSettings({ UFR_ENTRY_MARK: 'on' }), { entryMark: true })
  assert.deepEqual(environmentSettings({ UFR_ENTRY_MARK: '' }), {})
  const message = 'UFR_ENTRY_MARK must be on or off, and is "no"'
  assert.throws(() => environmentSettings({ UFR_ENTRY_MARK: 'no' }), { code: 'UFR-USAGE', message })
})

test('a wrong one is named as it was written', () => {
  for (const [flags, message] of [
    [{ memory: 'lots' }, '--memory must be an integer from 16 to 1048576, not "lots"'],
    [{ memory: '1' }, '--memory must be an integer from 16 to 1048576, not 1'],
    [{ timeout: '-5' }, '--timeout must be an integer from 1 to 900, not "-5"'],
    [{ cpus: '' }, '--cpus must be an integer from 1 to 64, not ""'],
    [{ vmm: 'kemu' }, '--vmm must be "auto", "firecracker" or "qemu", not "kemu"; did you mean "qemu"?'],
    [{ unikernel: '3' }, '--unikernel must be "auto", "nanos", "osv", "unikraft" or "linux", not "3"'],
  ] as const) {
    assert.throws(() => flagSettings(flags), { code: 'UFR-USAGE', message })
  }
  const message = 'UFR_CPUS must be an integer from 1 to 64, not 65'
  assert.throws(() => environmentSettings({ UFR_CPUS: '65' }), {
    code: 'UFR-USAGE',
    message,
    fix: /^UFR_CPUS: Virtual/,
  })
})
