/** What becomes of a key: taken over, left out with a note, left out without one, or refused where it says something. */
export type Handling = 'taken' | 'noted' | 'idle' | 'refused'

type Kind = 'text' | 'texts' | 'map' | 'whole' | 'flag' | 'any' | 'ports' | 'folder'

export interface OpsKey {
  kind: Kind
  handling: Handling
  /** For people: what it becomes, why it is left out, or what to do instead. */
  says: string
}

const key = (kind: Kind, handling: Handling, says: string): OpsKey => ({ kind, handling, says })

const kernel =
  'the kernel is that of the store; one of your own comes there by `ufr kernel import nanos PATH`'
const cloud = 'for clouds, where ufr does not run'
const network = "the guest's network is ufr's: --link, and `network` in ufr.json"
const volumes = 'volumes cannot be attached; put the files into Dirs or MapDirs'
const talk = "what ops prints is ufr's to say: --json, UFR_DEBUG"
const package_ = 'about packages of ops'

/**
 * Every key of an ops configuration (ops: types/config.go, Config), and what ufr makes of it. docs/inputs.md prints
 * this table.
 */
export const opsKeys: Readonly<Record<string, OpsKey>> = {
  Args: key('texts', 'taken', 'arguments of the program'),
  BaseVolumeSz: key(
    'text',
    'noted',
    'disks are as large as what is in them, Nanos having 512 MiB to write to besides',
  ),
  Boot: key('text', 'noted', kernel),
  BuildDir: key('text', 'idle', 'where ops builds'),
  CloudConfig: key('any', 'idle', cloud),
  Debugflags: key('texts', 'noted', "debugging of Nanos's own"),
  Description: key('text', 'idle', package_),
  Dirs: key('texts', 'taken', 'folders with all that is in them, at the same path in the guest'),
  DisableArgsCopy: key(
    'flag',
    'taken',
    'whether a file or folder that the first argument names, options aside, goes into the guest by itself',
  ),
  Env: key('map', 'taken', 'environment; any spelling is taken, as ops does: ENV, env'),
  Files: key('texts', 'taken', 'files, at the same path in the guest'),
  Force: key('flag', 'idle', 'whether ops replaces an image'),
  Kernel: key('text', 'noted', kernel),
  KlibDir: key('text', 'noted', kernel),
  Klibs: key('texts', 'taken', 'only those that no program sees are left out, others are refused'),
  Language: key('text', 'idle', package_),
  LocalFilesParentDirectory: key('text', 'taken', 'the folder that relative paths start from'),
  ManifestPassthrough: key(
    'any',
    'taken',
    '`cwd` becomes the working directory; what guards a guest is refused, the rest left out',
  ),
  MapDirs: key('map', 'taken', 'files of the host by a pattern, at another path in the guest'),
  Mounts: key('map', 'refused', volumes),
  NameServers: key('texts', 'noted', "names are looked up by ufr's own link, where `network` is egress"),
  NanosVersion: key('text', 'noted', 'the kernel is that of the store: `ufr kernel pull nanos@VERSION`'),
  NightlyBuild: key('flag', 'noted', kernel),
  NoTrace: key('texts', 'noted', "debugging of Nanos's own"),
  PackageBaseURL: key('text', 'idle', package_),
  PackageManifestURL: key('text', 'idle', package_),
  Program: key('text', 'taken', "the program; node, python3 and java stand for ufr's runtimes"),
  ProgramPath: key('text', 'idle', 'set by ops itself'),
  RebootOnExit: key('flag', 'noted', 'a guest ends with its program'),
  RunConfig: key('any', 'taken', 'see below'),
  TFSv4: key('flag', 'noted', 'the file system is the one that the kernel of the store reads'),
  TargetConfig: key('any', 'idle', cloud),
  TargetRoot: key('text', 'taken', 'folder of the host that absolute paths and libraries are taken from'),
  Uefi: key('flag', 'noted', 'images start without firmware'),
  UefiBoot: key('text', 'noted', 'images start without firmware'),
  Version: key('text', 'idle', package_),
  VolumesDir: key('text', 'idle', 'where ops keeps volumes'),
  home: key('text', 'idle', 'where ops keeps its things; ufr: UFR_HOME'),
}

/** The keys of RunConfig (ops: types/config.go, RunConfig). */
export const runKeys: Readonly<Record<string, OpsKey>> = {
  Accel: key('flag', 'noted', 'what is there is found out: --accel'),
  AtExit: key('text', 'refused', 'ufr runs no command of the host; do so after `ufr run`'),
  AttachVolumeOnInstanceCreate: key('flag', 'idle', cloud),
  Background: key('flag', 'noted', '`ufr run` stays; start it with & for that'),
  BackgroundDetach: key('flag', 'noted', '`ufr run` stays; start it with & for that'),
  BridgeIPAddress: key('text', 'noted', network),
  BridgeName: key('text', 'noted', network),
  Bridged: key('flag', 'noted', network),
  CPUs: key('whole', 'taken', 'virtual processors'),
  CanIPForward: key('flag', 'idle', cloud),
  Debug: key('flag', 'noted', "debugging of Nanos's own"),
  GPUType: key('text', 'idle', cloud),
  GPUs: key('whole', 'refused', 'a guest has no GPU'),
  Gateway: key('text', 'noted', network),
  GdbPort: key('whole', 'noted', "debugging of Nanos's own"),
  IPAddress: key('text', 'noted', network),
  IPv6Address: key('text', 'noted', network),
  ImageName: key('text', 'idle', 'ufr names images by what is in them'),
  InstanceGroup: key('text', 'idle', cloud),
  InstanceName: key('text', 'idle', "ufr's name is the folder's"),
  JSON: key('flag', 'idle', talk),
  Kernel: key('text', 'noted', kernel),
  Memory: key('text', 'taken', 'memory, such as "512m" or "2G"; MiB without a letter'),
  Mgmt: key('text', 'noted', "the VMM's control socket is ufr's"),
  Mounts: key('texts', 'refused', volumes),
  NetMask: key('text', 'noted', network),
  Nics: key('any', 'noted', network),
  Ports: key(
    'ports',
    'taken',
    'the first one becomes the port of a web function; others are left out with a note',
  ),
  QMP: key('flag', 'noted', "the VMM's control socket is ufr's"),
  ShowDebug: key('flag', 'idle', talk),
  ShowErrors: key('flag', 'idle', talk),
  ShowWarnings: key('flag', 'idle', talk),
  TapName: key('text', 'noted', network),
  ThreadsPerCore: key('whole', 'idle', cloud),
  UDPPorts: key('ports', 'refused', 'no UDP comes into a guest'),
  Verbose: key('flag', 'idle', talk),
  Vga: key('flag', 'noted', 'a guest has no screen'),
  VolumeSizeInGb: key('whole', 'idle', cloud),
}

/** Klibs of Nanos that no program sees: without them a guest is the same to it. */
export const harmlessKlibs = new Set([
  'cloud_init',
  'cloudwatch',
  'gcp',
  'azure',
  'ntp',
  'radar',
  'strace',
  'tls',
])

/** What in ManifestPassthrough guards a guest: to leave it out in silence would be worse than an error. */
export const guards = new Set(['firewall', 'readonly_rootfs', 'exec_protection', 'sandbox'])

/** Keys by which a config.json is known to be one of ops, spelled as in its manual. */
export const tellingKeys = [
  'Args',
  'BaseVolumeSz',
  'Boot',
  'CloudConfig',
  'Dirs',
  'Files',
  'Kernel',
  'Klibs',
  'ManifestPassthrough',
  'MapDirs',
  'NanosVersion',
  'Program',
  'RunConfig',
]
