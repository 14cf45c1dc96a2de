import { type Check, checkHost } from '../instance/doctor.ts'
import { type Action, printJson } from './outcome.ts'
import type { DoctorReport } from './schema/host.ts'

const signs: Record<Check['state'], string> = { good: 'ok  ', lacking: 'LACK', optional: 'note' }

export const doctor: Action = async ({ json, progress }) => {
  progress.step('Checking this machine')
  const checks = await checkHost()
  progress.done()
  const ready = checks.every(({ state }) => state !== 'lacking')
  if (json) printJson<DoctorReport>({ ready, checks })
  else {
    for (const { state, name, found, fix } of checks) {
      process.stdout.write(`${signs[state]}  ${name}: ${found}\n`)
      if (fix) process.stdout.write(`      ${fix}\n`)
    }
    process.stdout.write(ready ? 'Ready.\n' : 'Not ready: see the lines marked LACK.\n')
  }
  return ready ? 0 : 3
}
