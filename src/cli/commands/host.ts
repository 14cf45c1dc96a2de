import { errorTable } from '../../base/error-table.ts'
import { json } from './shared.ts'
import type { CommandSpec } from './spec.ts'

export const doctor: CommandSpec = {
  name: 'doctor',
  description: 'Check host, acceleration, VMMs, kernels, runtimes and permissions; each lack with its fix.',
  summary: 'check what this machine has and lacks',
  options: [json],
  action: async () => (await import('../doctor.ts')).doctor,
}

export const explain: CommandSpec = {
  name: 'explain',
  description: 'Explain an error code.',
  summary: 'explain an error code',
  arguments: [{ name: '<code>', description: 'such as UFR-KVM', complete: Object.keys(errorTable) }],
  options: [json],
  action: async () => (await import('../explain.ts')).explain,
}

export const completion: CommandSpec = {
  name: 'completion',
  description: 'Print the completion script of a shell.',
  summary: 'print the completion script of a shell',
  arguments: [{ name: '<shell>', description: 'bash, zsh or fish', complete: ['bash', 'zsh', 'fish'] }],
  examples: [
    'source <(ufr completion bash)     # in ~/.bashrc',
    'source <(ufr completion zsh)      # in ~/.zshrc, after compinit',
    'ufr completion fish > ~/.config/fish/completions/ufr.fish',
  ],
  action: async () => (await import('../completion.ts')).completion,
}
