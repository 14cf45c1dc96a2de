import { Command, CommanderError, Help, Option } from 'commander'
import { type CommandSpec, commands, type OptionSpec } from './commands.ts'
import { fail, succeed } from './outcome.ts'

const introduction = `Build a function into a unikernel image, boot it on a virtual machine monitor, invoke it, and see how long each step took. A function is a folder: a Node.js handler as on AWS Lambda, a web server, or any Linux program.`

const firstSteps = `
First steps:
  ufr doctor                                   what this machine has, and what it lacks
  ufr init --example hello-node hello          writes an example into the folder hello
  ufr run hello --event '{"name":"Ada"}'       builds, boots, invokes, prints the result

Result on standard output, everything else on standard error; --json gives one JSON document.
Exit status: 0 done, 1 the function failed, 2 wrong use, 3 the host lacks something, 4 the build failed,
5 the guest failed to boot or died, 130 interrupted. Data is kept in UFR_HOME (default ~/.local/share/ufr).`

/** The whole command line, for parsing, help and completion. */
export function createProgram(): Command {
  const program = new Command('ufr')
  program.description(introduction).addHelpText('after', firstSteps)
  program.option('-V, --version', 'print the version')
  program.helpCommand('help [command]', 'help on a command')
  program.configureHelp({ helpWidth: 110 }).showSuggestionAfterError().exitOverride()
  for (const spec of commands) addCommand(program, spec)
  return program
}

function addCommand(parent: Command, spec: CommandSpec): void {
  const command = parent.command(spec.name, spec.hidden ? { hidden: true } : {})
  command.description(spec.description).configureHelp({ helpWidth: 110 }).exitOverride()
  if (spec.summary) command.summary(spec.summary)
  if (spec.examples)
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  ${line}`).join('\n')}`)
  for (const sub of spec.commands ?? []) addCommand(command, sub)
  for (const argument of spec.arguments ?? []) command.argument(argument.name, argument.description)
  for (const option of spec.options ?? []) command.addOption(commanderOption(option))
  const { action } = spec
  if (!action) return
  command.action(async (...all: unknown[]) => {
    const options = command.optsWithGlobals<Record<string, unknown>>()
    const run = await action()
    const words = all.slice(0, spec.arguments?.length ?? 0)
    exitStatus = await succeed(options, (context) => run({ words, options, ...context }))
  })
}

function commanderOption({ flags, description, choices }: OptionSpec): Option {
  const option = new Option(flags, description)
  return choices ? option.choices(choices) : option
}

let exitStatus = 0

/** Runs the command line. @returns the exit status. */
export async function main(argv: string[]): Promise<number> {
  exitStatus = 0
  try {
    const program = createProgram()
    if (argv.length <= 2) {
      process.stdout.write(
        `${new Help().formatHelp(program, Object.assign(new Help(), { helpWidth: 110 }))}${firstSteps}\n`,
      )
      return 0
    }
    await program.parseAsync(argv)
    return exitStatus
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    return fail(error, argv.includes('--json'))
  }
}
