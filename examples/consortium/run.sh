#!/bin/sh
# Four validators, an observer, their gateways and the sample banks on loopback, until Ctrl-C.
# usage: examples/consortium/run.sh [FOLDER]     LUOHU=path/to/luohu takes another binary
set -eu
folder=${1:-luohu-consortium}
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${LUOHU:-}" ]; then
    cargo build --release --manifest-path "$root/Cargo.toml" -p luohu --features consortium
    LUOHU=${CARGO_TARGET_DIR:-$root/target}/release/luohu
fi
[ -d "$folder" ] || "$LUOHU" consortium init "$folder"
started=
stop() {
    trap - INT TERM EXIT
    # shellcheck disable=SC2086
    kill $started 2>/dev/null || true
    wait
}
trap stop INT TERM EXIT
for node in "$folder"/node-*; do
    "$LUOHU" --config "$node/luohu.toml" &
    started="$started $!"
done
wait
