/** Exit status of the command: wrong use, host lacks something, build failed, guest failed; 1 is the function's own. */
type Status = 1 | 2 | 3 | 4 | 5

export interface ErrorEntry {
  status: Status
  /** What the code means, in one sentence. */
  title: string
  /** What to do next, in general. */
  fix: string
}

function entry(status: Status, title: string, fix: string): ErrorEntry {
  return { status, title, fix }
}

/** All error codes. docs/errors.md is generated from this table (`script/docs`), and a test keeps the two together. */
export const errorTable = {
  // Use of the command
  'UFR-USAGE': entry(2, 'The command line cannot be understood.', 'Run the command with --help.'),
  'UFR-NOT-YET': entry(
    2,
    'Something that ufr will do but does not do yet.',
    'See the README for what works today.',
  ),
  'UFR-INTERNAL': entry(
    3,
    'ufr itself failed in a way it has no name for.',
    'Run again with UFR_DEBUG=1 and report the output.',
  ),

  // Images and their formats
  'UFR-FORMAT': entry(
    2,
    'A file is not in the format it should be in: truncated, corrupt, or something else.',
    'Check that the file is whole; build or download it again.',
  ),
  'UFR-TREE': entry(
    4,
    'The files of a function cannot be put into one tree.',
    'Rename, move or leave out the file named (`files` in ufr.json).',
  ),
  'UFR-IMAGE-LIMIT': entry(
    4,
    'An image would have to hold something that its format has no room for.',
    'Shorten, split or leave out what the message names.',
  ),
  'UFR-CONTAINER': entry(
    4,
    'A container image cannot become a function.',
    'See docs/containers.md for the images that can, and save it again as the message says.',
  ),
  'UFR-IMAGE-MISSING': entry(
    2,
    'There is no such image.',
    'See `ufr image ls`, or build one with `ufr build`.',
  ),
  'UFR-FILE-CHANGED': entry(
    4,
    'A file changed while the image was built from it.',
    'Build again when nothing else writes to the folder.',
  ),

  // Virtual machine monitors
  'UFR-QEMU-MISSING': entry(
    3,
    'QEMU is not installed, or does not run.',
    'Install it: sudo apt-get install qemu-system-x86 (or set UFR_QEMU to the program).',
  ),
  'UFR-QEMU-OLD': entry(3, 'QEMU is too old.', 'Install QEMU 6.2 or later.'),
  'UFR-KVM': entry(
    3,
    'KVM was asked for and cannot be used.',
    'Run with --accel tcg (emulated, slower), or see `ufr doctor`.',
  ),
  'UFR-VMM-START': entry(
    3,
    'The virtual machine monitor refused to start the machine.',
    'See its words above; `ufr doctor` checks what it needs.',
  ),
  'UFR-VMM-KERNEL': entry(
    2,
    'The virtual machine monitor cannot start such a kernel.',
    'Take another VMM (--vmm), or a build of the kernel that is made for this one.',
  ),
  'UFR-MACHINE': entry(
    2,
    'This kernel cannot be run like that on this virtual machine monitor.',
    'Take another kernel (--unikernel), VMM (--vmm) or link (--link), as the message says.',
  ),
  'UFR-SOCKET-PATH': entry(
    3,
    'The path of a socket is longer than Linux allows.',
    'Set XDG_RUNTIME_DIR or UFR_HOME to a folder with a shorter path.',
  ),
  'UFR-VMM-CONTROL': entry(
    5,
    'The virtual machine monitor did not do what a running machine was asked for.',
    'Run again; if it stays so, report the output of `ufr doctor --json`.',
  ),

  // Links between host and guest
  'UFR-LINK': entry(
    3,
    'The link between host and guest cannot be made.',
    'See the words above; docs/links.md says how links are made.',
  ),
  'UFR-LINK-RIGHTS': entry(
    3,
    'Making a link needs rights that this process lacks.',
    'Run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN (docs/links.md), or use --link user (QEMU) or --link vsock (Firecracker with the Linux guest).',
  ),
  'UFR-LINK-TOOL': entry(
    3,
    'A program that links are made with is not installed.',
    'Install it: sudo apt-get install iproute2 nftables',
  ),
  'UFR-LINK-ADDRESSES': entry(
    3,
    'All addresses for guests with egress are in use.',
    'End other guests with egress, or set UFR_TAP_POOL to a larger range that nothing else uses.',
  ),

  // A running guest
  'UFR-BOOT-TIMEOUT': entry(
    5,
    'The guest was not ready in time.',
    'See its last console lines; try --unikernel linux, more --memory, or UFR_BOOT_TIMEOUT (seconds).',
  ),
  'UFR-GUEST-DIED': entry(
    5,
    'The guest ended before or while it answered.',
    'See its last console lines; try --unikernel linux to compare, or more --memory.',
  ),
  'UFR-PORT-SILENT': entry(
    5,
    'Nothing listens on the port of a web function.',
    'Let the program listen on 0.0.0.0 and $PORT, or set `port` in ufr.json to the port it uses.',
  ),
  'UFR-FUNCTION-EXITED': entry(
    1,
    "The function's program ended before it answered.",
    'See its last console lines; a handler must not end its process (process.exit, sys.exit), and more `memory` may help.',
  ),
  'UFR-OBSERVE': entry(
    1,
    'A function could not be observed, or failed while it was.',
    'See that `ufr run --unikernel linux` with the same event works; files it lacks can be named in ufr.json (`files`).',
  ),
  'UFR-BENCH-ANSWER': entry(
    1,
    'A function that is measured answered with an error: how fast, says nothing.',
    'See that `ufr run` with the same event or path gives a result; name one that does (--event, --request).',
  ),
  'UFR-BENCH-REPORT': entry(
    2,
    'A file is no report of `ufr bench`, or two of them cannot be compared.',
    'Compare report.json files of the same version, machine and acceleration; --force compares others all the same.',
  ),
  'UFR-FUNCTION-TIMEOUT': entry(
    1,
    'The function did not answer in time.',
    'Raise `timeout` in ufr.json or --timeout, or make the function faster.',
  ),
  'UFR-RESPONSE': entry(
    1,
    "The function's answer cannot be taken: too large, cut off, or no HTTP.",
    'A handler may answer with at most 6 MiB of JSON.',
  ),

  // Data folder, helpers and outside programs
  'UFR-DATA': entry(
    3,
    'The data folder cannot be written: full, read-only or not yours.',
    'Free space there, or set UFR_HOME to a folder that you can write.',
  ),
  'UFR-OUTPUT': entry(
    3,
    'Standard output cannot be written.',
    'Free space where it goes, or send it elsewhere.',
  ),
  'UFR-LOCKED': entry(
    3,
    'Another ufr process works on the same thing and does not finish.',
    'Wait for it, or end it, and run the command again.',
  ),
  'UFR-COMMAND': entry(
    3,
    'A program that ufr runs on the host is missing or failed.',
    'Install the program named, or see its last lines for what it complains about.',
  ),

  // Kernel store, downloads, packages and language runtimes
  'UFR-DOWNLOAD': entry(
    3,
    'A file could not be downloaded.',
    'Check the network, HTTPS_PROXY and UFR_MIRROR; without a network, import a kernel instead (docs/kernels.md).',
  ),
  'UFR-CHECKSUM': entry(
    3,
    'A downloaded file is not what its publisher, or its first download here, says it should be.',
    'Nothing was kept. Do not go on with that file before you know why the sums differ (docs/kernels.md).',
  ),
  'UFR-KERNEL-MISSING': entry(
    3,
    'There is no such kernel in the kernel store.',
    'Get one with `ufr kernel pull` or `ufr kernel import`; `ufr kernel ls` shows what there is.',
  ),
  'UFR-KERNEL-FILE': entry(
    2,
    'A file or folder is not a kernel that ufr can boot: truncated, incomplete, for another machine, or something else.',
    'Build or download it again, and import it by the layouts in docs/kernels.md.',
  ),
  'UFR-VMM-MISSING': entry(
    3,
    'There is no such virtual machine monitor in the store.',
    'Get one with `ufr vmm pull firecracker` or `ufr vmm import`; `ufr vmm ls` shows what there is.',
  ),
  'UFR-VMM-FILE': entry(
    2,
    'A file or folder is not a virtual machine monitor that ufr can use: truncated, for another machine, or something else.',
    'Build or download it again, and import it by the layouts in docs/vmms.md.',
  ),
  'UFR-BUILD-SOURCE': entry(
    4,
    'The sources of a kernel or VMM cannot be had from their git repository.',
    'Check the address, the ref, the network and your rights there: `git ls-remote URL` shows what can be asked for.',
  ),
  'UFR-BUILD-COMMAND': entry(
    4,
    'The command that builds a kernel or VMM cannot be started, or failed.',
    "See its last lines; upstream's page says what its build needs. --keep leaves the folder to look into.",
  ),
  'UFR-BUILD-OUTPUT': entry(
    4,
    'A build did not make what --output names, or made something outside of its folder.',
    'Give what the command makes as a path in the clone: --output build/kernel. --keep leaves the folder to look into.',
  ),
  'UFR-STORE-RECORD': entry(
    3,
    'An entry of the kernel, VMM or runtime store is broken: its record or its files are damaged.',
    'Remove the entry named and pull or import it again.',
  ),
  'UFR-DEBIAN': entry(
    3,
    "Debian's packages cannot be had on this host.",
    'Run on Debian with a reachable mirror, or import what the packages contain (docs/kernels.md).',
  ),
  'UFR-RUNTIME': entry(
    3,
    'A language runtime cannot be had.',
    'Check the network and the version; `ufr runtime ls` shows what there is.',
  ),

  // Programs built from sources
  'UFR-BUILD': entry(
    4,
    'The source of a function cannot be built.',
    "See the compiler's words above: file, line and column are its own.",
  ),
  'UFR-TOOLCHAIN': entry(
    3,
    'The compiler that a function is built with is not installed.',
    'Install it, or build the function elsewhere and put the program into its folder.',
  ),

  // Programs and their shared libraries
  'UFR-HANDLER': entry(
    4,
    'The file that a handler names is not among the files of the function.',
    'Correct `handler` in ufr.json: the file without its ending, a dot, and what it exports, as in "index.handler".',
  ),
  'UFR-PROGRAM': entry(
    4,
    'The program of a function is missing, or not one that a guest can run.',
    'Set `command` in ufr.json to an ELF program for x86-64 Linux, or to a script whose interpreter is one.',
  ),
  'UFR-ARCHITECTURE': entry(
    4,
    'A program or library is for another processor than the guest has.',
    'Build it for x86-64 Linux, or install the x86-64 version of the library.',
  ),
  'UFR-WHEEL': entry(
    4,
    'A Python module in machine code is for another Python, platform or C library than the guest has.',
    'Put its package into requirements.txt, which is installed for the guest, and remove it from the folder.',
  ),
  'UFR-REQUIREMENTS': entry(
    4,
    'What a requirements.txt names cannot be installed.',
    'See docs/python.md: wheels are taken, nothing is built.',
  ),
  'UFR-INTERPRETER': entry(
    4,
    'What is to run a program, its dynamic linker or the interpreter of a script, is missing.',
    'Install the interpreter named, or link the program statically.',
  ),
  'UFR-LIBRARY': entry(
    4,
    'A shared library that a program needs is missing or cannot be used.',
    'Install the library named, put it into the folder of the function, or link the program statically.',
  ),

  // What a kernel lacks of what a function uses (`ufr check`)
  'UFR-CALL': entry(
    1,
    'A function may make a system call that the kernel does not have.',
    'See whether it comes to that place; else take a kernel that has the call, such as --unikernel linux (docs/check.md).',
  ),
  'UFR-PROCESS': entry(
    1,
    'A function may start other programs, and the kernel runs only one.',
    'Do it in the program itself, or take --unikernel linux.',
  ),
  'UFR-SYMBOL': entry(
    1,
    'A program needs a function, or a version of a library, that no file in its image has.',
    'Build it against the libraries that are in the image, or link it statically.',
  ),
  'UFR-LIMIT': entry(
    1,
    'A kernel is known not to do something that a function asks for.',
    'See docs/check.md; --unikernel linux does it.',
  ),
  'UFR-UNSEEN': entry(
    1,
    'What a function does cannot all be seen without running it.',
    'Run it on that kernel to know: `ufr run --unikernel NAME`.',
  ),

  // Java and Kotlin
  'UFR-JAVA-VERSION': entry(
    4,
    'Classes are compiled for a newer Java than the one they are to run on.',
    'Name a newer Java by `runtime` in ufr.json, or compile for an older one (--release).',
  ),

  // Functions: their folder, ufr.json, what they are
  'UFR-FOLDER': entry(
    2,
    "A function's folder is not there, is not a folder, or cannot be read or written.",
    'Give the folder that has the function in it: `ufr run DIR`.',
  ),
  'UFR-CONFIG': entry(
    2,
    'ufr.json, or a setting given in its place, is not as it should be.',
    'Correct the place named; docs/ufr-json.md describes all keys.',
  ),
  'UFR-INPUT': entry(
    2,
    "A file of another tool's says something that ufr cannot do, or is not as that tool wants it.",
    'Change the line that the message names, or write a ufr.json (`ufr init`); docs/inputs.md has what is taken.',
  ),
  'UFR-DETECT': entry(
    2,
    'Neither ufr.json nor the files in the folder say what the function is.',
    'Say it in ufr.json (docs/ufr-json.md), or start from an example: `ufr init --example hello-node`.',
  ),
  'UFR-EXISTS': entry(
    2,
    'Something is already there, and ufr does not write over it.',
    'Choose another place, or remove what is there.',
  ),
  'UFR-TREE-LOOP': entry(
    4,
    'Symbolic links lead in a circle.',
    'Remove one of the links named, or leave it out by .ufrignore or `files` in ufr.json.',
  ),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorTable
