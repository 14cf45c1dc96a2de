import { packageVersion } from './version.ts'

// Where nobody listens to progress and warnings any more, the result is still wanted.
process.stderr.on('error', () => {})

// Asked for by scripts and before anything else is known of a machine: answered without loading the rest.
if (process.argv[2] === '--version' || process.argv[2] === '-V') {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 3))
  process.stdout.write(`${packageVersion()}\n`)
} else {
  const { main } = await import('./program.ts')
  process.exitCode = await main(process.argv)
}
