import type { XStatic } from 'typebox/schema'
import type { Schema } from './check.ts'

/** Relative, without `..`: whatever is named lies in the function's folder. */
const pathInside = {
  type: 'string',
  pattern: '^(?!/)(?!([^\\u0000]*/)?\\.\\.(/|$))[^\\u0000]+$',
  patternErrorMessage: 'must be a path relative to the folder, without ".."',
  maxLength: 1024,
} as const

/** The same, or a path of the guest's own: a place outside of the function's folder. */
const pathInGuest = {
  type: 'string',
  pattern: '^(?!([^\\u0000]*/)?\\.\\.(/|$))[^\\u0000]+$',
  patternErrorMessage: 'must be a path relative to the folder or an absolute one of the guest, without ".."',
  maxLength: 1024,
} as const

const text = {
  type: 'string',
  pattern: '^[^\\u0000]*$',
  patternErrorMessage: 'must not have a NUL character in it',
  maxLength: 32768,
} as const

/**
 * ufr.json: at once the type, what `readConfig` checks, and the published schema (docs/schema/ufr.schema.json). It is
 * plain JSON Schema and typebox is here for its types only: loading typebox takes 65 ms, longer than all else that
 * happens before a VMM starts.
 */
export const configSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'ufr.json',
  description:
    'A function for ufr. Every key may be left out: what is not said is seen from the folder, or a default.',
  type: 'object',
  additionalProperties: false,
  properties: {
    $schema: {
      description: 'Where an editor finds the schema of this file; ufr itself does not read it.',
      type: 'string',
      maxLength: 4096,
    },
    name: {
      description: "Name of the function. Default: the folder's name.",
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      patternErrorMessage: 'must be 1 to 64 letters, digits, "-" or "_"',
      examples: ['hello-node'],
    },
    image: {
      description:
        'A container image that the function is: a docker save archive or an OCI layout by its path, or oci://REGISTRY/NAME:TAG. It says what the other keys leave out. Not together with files.',
      type: 'string',
      pattern: '^[^\\u0000]+$',
      patternErrorMessage: 'must be a path, or a name such as oci://registry.example/name:tag',
      maxLength: 4096,
      examples: ['hello.tar', 'oci://registry.example/team/hello:1.2'],
    },
    runtime: {
      description: 'What the function is written for. Default: seen from the files.',
      type: 'string',
      pattern: '^(nodejs([1-9][0-9]\\.x)?|java([1-9][0-9]?)?|python3\\.[0-9]{1,2}|provided\\.al2023|native)$',
      patternErrorMessage:
        'must be "nodejs", "nodejs24.x" (or another version), "java", "java21", "python3.13", "provided.al2023" or "native"',
      examples: ['nodejs', 'nodejs24.x', 'provided.al2023', 'native'],
    },
    shape: {
      description:
        'What the function answers with: a handler returns JSON for an event, a web function is an HTTP server, a program prints its result.',
      enum: ['handler', 'web', 'program'],
    },
    handler: {
      description:
        'The handler as file.export, the file without its ending; for Java as package.Class::method. Not together with command.',
      type: 'string',
      pattern: '^[^\\s\\u0000]+$',
      patternErrorMessage: 'must be a name such as "index.handler", without spaces',
      maxLength: 128,
      examples: ['index.handler', 'src/app.handler', 'app.Hello::handleRequest'],
    },
    command: {
      description:
        'The program of a web function or a program: a file in the folder, by its path. Not together with handler.',
      type: 'string',
      pattern: '^(?!([^\\u0000]*/)?\\.\\.(/|$))[^\\u0000]+$',
      patternErrorMessage: 'must be a path, without ".."',
      maxLength: 4096,
      examples: ['server.mjs', 'bin/hello'],
    },
    args: {
      description: 'Arguments of command.',
      type: 'array',
      items: text,
      maxItems: 1024,
      default: [],
      examples: [['--verbose']],
    },
    workingDirectory: {
      description:
        'Absolute path of the folder in the guest that command starts in, where its files have absolute paths: then command and args are taken as they are. Not for handlers. Default: /var/task, where the folder is.',
      type: 'string',
      pattern: '^/(?!([^\\u0000]*/)?\\.\\.(/|$))[^\\u0000]*$',
      patternErrorMessage: 'must be an absolute path, without ".."',
      maxLength: 1024,
      examples: ['/'],
    },
    port: {
      description:
        'Port that a web function listens on in the guest. The variables PORT and AWS_LWA_PORT are set to it. Default: 8080, or the port that the program is seen to listen on.',
      type: 'integer',
      minimum: 1,
      maximum: 65535,
      examples: [8080],
    },
    environment: {
      description: 'Environment variables.',
      type: 'object',
      propertyNames: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        patternErrorMessage: 'must be letters, digits and "_", and not begin with a digit',
        maxLength: 256,
      },
      additionalProperties: text,
      default: {},
      examples: [{ GREETING: 'Hello' }],
    },
    memory: {
      description: 'Memory of the guest in MiB. The default has room for a language runtime.',
      type: 'integer',
      default: 512,
      minimum: 16,
      maximum: 1048576,
      examples: [512],
    },
    cpus: {
      description: 'Virtual processors of the guest.',
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 1,
    },
    timeout: {
      description:
        'Seconds that an invocation may take, as on AWS Lambda, where the default is 3: too little for an emulated guest, in which everything takes several times as long.',
      type: 'integer',
      minimum: 1,
      maximum: 900,
      default: 30,
    },
    files: {
      description:
        'The files of the folder that go into the image, as patterns. Default: all but those that .ufrignore names.',
      type: 'array',
      maxItems: 1024,
      items: {
        anyOf: [
          pathInside,
          {
            type: 'object',
            additionalProperties: false,
            required: ['from'],
            properties: {
              from: { description: 'A path or pattern in the folder.', ...pathInside },
              to: {
                description:
                  'Where it goes in the image: relative to the folder, or an absolute path of the guest.',
                ...pathInGuest,
              },
            },
          },
        ],
      },
      default: [],
      examples: [['index.mjs', 'node_modules/**', { from: 'dist/**', to: '.' }]],
    },
    unikernel: {
      description: 'The kernel that runs the function.',
      enum: ['auto', 'nanos', 'osv', 'unikraft', 'linux'],
      default: 'auto',
    },
    vmm: {
      description: 'The virtual machine monitor.',
      enum: ['auto', 'firecracker', 'qemu'],
      default: 'auto',
    },
    network: {
      description: 'What the guest can reach: nothing, or the outside (but never the host itself).',
      enum: ['none', 'egress'],
      default: 'none',
    },
    entryMark: {
      description:
        'Whether the image tells when the program begins, for `phases.entry` (docs/phases.md): a few instructions in its dynamic linker, or in itself where it has none. To be switched off for a program that checks its own file.',
      type: 'boolean',
      default: true,
    },
    snapshot: {
      description: 'Whether to start from a snapshot taken once the function was ready.',
      type: 'boolean',
      default: false,
    },
  },
} as const satisfies Schema

/** What ufr.json says. */
export type FunctionConfig = XStatic<typeof configSchema>

export const configDefaults = {
  memory: configSchema.properties.memory.default,
  cpus: configSchema.properties.cpus.default,
  timeout: configSchema.properties.timeout.default,
  network: configSchema.properties.network.default,
} as const
