# Sourced by every script: where we are, a few words, and the right Node.

came_from=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

say() { printf '%s\n' "-- $*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 1; }

node_major() { command -v node >/dev/null && node -p 'process.versions.node.split(".")[0]'; }

# Debian 12's Node is 18, too old for the tests; bootstrap then puts one into .tools.
for dir in "$root"/.tools/node_modules/node-linux-*/bin; do
    [ -x "$dir/node" ] && PATH="$dir:$PATH"
done
export PATH
