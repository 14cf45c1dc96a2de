import { Command, type CommanderError, Option } from 'commander'
import { UfrError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import type { CommandSpec, OptionSpec } from './commands/spec.ts'
import { commands } from './commands.ts'
import { fail, succeed } from './outcome.ts'
import { outputFailed } from './output.ts'

const introduction = `Build a function into a unikernel image, boot it on a virtual machine monitor, invoke it, and see how long each step took. A function is a folder: a Node.js handler as on AWS Lambda, a web server, or any Linux program.`

const firstSteps = `
First steps:
  ufr doctor                                   what this machine has, and what it lacks
  ufr init --example hello-node hello          writes an example into the folder hello
  ufr run hello --event '{"name":"Ada"}'       builds, boots, invokes, prints the result

Result on standard output, everything else on standard error; --json gives one JSON document.
Exit status: 0 done, 1 the function failed, 2 wrong use, 3 the host lacks something, 4 the build failed,
5 the guest failed to boot or died, 130 interrupted. Data is kept in UFR_HOME (default ~/.local/share/ufr).`

/** Ends the parsing when help was printed: there is nothing more to do. */
class HelpPrinted extends Error {}

/** The command line, for parsing and help; `finished` is told the exit status of the command that ran. */
function createProgram(finished: (status: number) => void): Command {
  const program = new Command('ufr')
  program.description(introduction).addHelpText('after', firstSteps)
  program.option('-V, --version', 'print the version')
  // Options belong to the command that they stand behind: some have a --version of their own.
  program.enablePositionalOptions()
  // Ours goes down to commands of commands, and knows when there is none of that name.
  program.helpCommand(false)
  program.configureHelp({ helpWidth: 110 }).showSuggestionAfterError()
  // A command of commands without one of them shows its help, which is then the result.
  program.configureOutput({ writeErr: (text) => process.stdout.write(text), outputError: () => {} })
  program.exitOverride((error) => ended(error, 'ufr'))
  for (const spec of commands) addCommand(program, spec, `ufr ${spec.name}`, finished)
  const help = program.command('help [command...]').description('help on a command')
  help.action((words: string[]) => showHelp(program, words))
  return program
}

/** @throws UfrError UFR-USAGE where there is no such command. */
function showHelp(program: Command, words: string[]): void {
  let command = program
  for (const word of words) {
    const found = command.commands.find((each) => each.name() === word)
    if (!found) {
      const names = command.commands.map((each) => each.name())
      throw new UfrError('UFR-USAGE', `there is no command ${word}${didYouMean(word, names)}`, {
        fix: 'See: ufr --help',
      })
    }
    command = found
  }
  command.outputHelp()
}

function addCommand(
  parent: Command,
  spec: CommandSpec,
  words: string,
  finished: (status: number) => void,
): void {
  const command = parent.command(spec.name)
  command.description(spec.description).helpCommand(false)
  command.exitOverride((error) => ended(error, words))
  if (spec.summary) command.summary(spec.summary)
  if (spec.examples) {
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  ${line}`).join('\n')}`)
  }
  for (const sub of spec.commands ?? []) addCommand(command, sub, `${words} ${sub.name}`, finished)
  for (const argument of spec.arguments ?? []) command.argument(argument.name, argument.description)
  for (const option of spec.options ?? []) command.addOption(commanderOption(option))
  const { action } = spec
  if (!action) return
  command.action(async (...all: unknown[]) => {
    const options = command.opts<Record<string, unknown>>()
    const run = await action()
    const given = all.slice(0, spec.arguments?.length ?? 0)
    finished(await succeed(options, (context) => run({ words: given, options, ...context })))
  })
}

function commanderOption({ flags, description, choices, required = false }: OptionSpec): Option {
  const option = new Option(flags, description).makeOptionMandatory(required)
  return choices ? option.choices(choices) : option
}

/** Turns commander's way to end into ours. @throws HelpPrinted, UfrError UFR-USAGE. */
function ended(error: CommanderError, words: string): never {
  if (error.exitCode === 0 || error.code === 'commander.help') throw new HelpPrinted()
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.*)\?\)$/, '; did you mean $1?')
  throw new UfrError('UFR-USAGE', message, { fix: `See: ${words} --help` })
}

/** Runs the command line. @returns the exit status. */
export async function main(argv: string[]): Promise<number> {
  process.stdout.on('error', outputFailed)
  let status = 0
  const program = createProgram((given) => {
    status = given
  })
  try {
    await program.parseAsync(argv)
    return status
  } catch (error) {
    if (error instanceof HelpPrinted) return 0
    return fail(error, argv.includes('--json'))
  }
}
