#!/bin/sh
# The process vm alone with one real guest, a program playing ctl: boots, commands, console, kill -9 of the process, pause, stop, removal.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build}
WEFT_TEST_CACHE=${WEFT_TEST_CACHE:-/tmp/weft-test-cache.$(id -u)}
export WEFT_TEST_CACHE
mkdir -p "$WEFT_TEST_CACHE"
exec "$build/src/vm/vm_life_test"
