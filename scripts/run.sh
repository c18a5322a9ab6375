#!/bin/sh
# Runs the project's own tools with the right Node, from the root of the checkout:
#   run.sh FILE.ts [ARGS]      a script
#   run.sh --bin NAME [ARGS]   a tool of node_modules/.bin
#   run.sh --test FILES        tests
set -u

ROOT=$(cd "$(dirname "$0")/.." && pwd -P) || exit 1
. "$ROOT/scripts/node.sh"
cd "$ROOT" || exit 1
# What is started from here finds the same Node.
PATH=$(dirname "$NODE"):$PATH
export PATH

case ${1-} in
  '') fail 'usage: run.sh FILE.ts | --bin NAME | --test FILES' ;;
  --bin)
    name=$2
    shift 2
    exec "node_modules/.bin/$name" "$@"
    ;;
  --test)
    shift
    # shellcheck disable=SC2086 # the flags are words
    exec "$NODE" $NODE_FLAGS --test "$@"
    ;;
  # shellcheck disable=SC2086 # the flags are words
  *) exec "$NODE" $NODE_FLAGS "$@" ;;
esac
