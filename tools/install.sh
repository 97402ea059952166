#!/bin/sh
# Installs klartext into .venv from the hashed lock. usage: tools/install.sh [runtime|dev]
# Does nothing when .venv already matches. PYTHON chooses the interpreter (3.11 to 3.13).
set -eu
cd "$(dirname "$0")/.."
profile=${1:-runtime}
case $profile in
    runtime) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) echo "usage: tools/install.sh [runtime|dev]" >&2; exit 2 ;;
esac

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
find_python() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c "$supported" >/dev/null 2>&1; then echo "$candidate"; return 0; fi
        if [ "$candidate" = "${PYTHON:-}" ]; then return 1; fi
    done
    return 1
}

stamp=.venv/.klartext-$profile
wanted=$(cat "$lock" pyproject.toml | cksum)
# A dev installation holds all that the runtime needs.
for have in "$stamp" .venv/.klartext-dev; do
    [ "$have" = "$stamp" ] || wanted=$(cat requirements-dev.lock pyproject.toml | cksum)
    if [ -x .venv/bin/python ] && [ "$(cat "$have" 2>/dev/null || true)" = "$wanted" ]; then exit 0; fi
done
wanted=$(cat "$lock" pyproject.toml | cksum)

if [ ! -x .venv/bin/python ]; then
    python=$(find_python) || {
        echo "klartext needs Python 3.11, 3.12 or 3.13 (found none that runs). Install one, or name it: PYTHON=/path/to/python3.12 make demo" >&2
        exit 2
    }
    echo "creating .venv with $("$python" --version)" >&2
    "$python" -m venv .venv || {
        echo "the venv module of $python failed; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 2
    }
fi

echo "installing $lock into .venv" >&2
# uv installs several times faster than pip; it comes by pip, pinned like everything else.
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip --quiet"
if $pip install --require-hashes -r tools/uv.lock >&2 2>/dev/null &&
    .venv/bin/uv pip install --quiet --no-python-downloads --python .venv/bin/python --require-hashes -r "$lock" >&2; then
    :
else
    # pip knows mirrors and proxies that are configured for pip alone.
    echo "installing with pip (slower)" >&2
    $pip install --require-hashes -r "$lock" >&2
fi
$pip install --no-deps --no-build-isolation --editable . >&2
echo "$wanted" > "$stamp"
