#!/bin/sh
# run.sh LIBRARY-FOLDER [--reference] [name ...]
# Runs the built programs (make) with that folder's libzmq.so.5. --reference leaves out the programs whose first line says
# "difference". Prints every line of every program, then a summary; exit 0 only if none failed.
set -u
[ $# -ge 1 ] || { sed -n 2,4p "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-/tmp/capi-tests-out}
lib=$(cd "$1" && pwd) || exit 2
shift
reference=no
[ "${1:-}" = --reference ] && { reference=yes; shift; }
[ $# -gt 0 ] || set -- $(cd "$here" && ls *.c | sed 's/\.c$//')
passed=0 failed=0 skipped=0 broken=
for name in "$@"; do
    if [ $reference = yes ] && head -1 "$here/$name.c" | grep -q '^/\* difference:'; then
        continue
    fi
    echo "== $name"
    LD_LIBRARY_PATH=$lib timeout -k 5 "${LIMIT:-600}" "$out/$name"
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)); broken="$broken $name" ;;
    esac
done
echo "$passed programs passed, $failed failed, $skipped skipped${broken:+:$broken}"
[ "$failed" -eq 0 ]
