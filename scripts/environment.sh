#!/bin/sh
# Brings a virtual environment up to the locked versions. `make` runs it:
#
#     scripts/environment.sh light    what `make` and `make demo` need
#     scripts/environment.sh whole    everything, on top of the light set
#
# VENV is the folder of the environment. PYTHON is the interpreter that creates it.
set -eu

say() { printf '%s\n' "$*" >&2; }
version_of() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true; }
count_of() { grep -c == "$1"; }

install() {
    "$VENV/bin/python" -m pip install -qq --disable-pip-version-check "$@"
}

create() {
    wanted=$(version_of "$PYTHON")
    if [ -z "$wanted" ]; then
        say "paygrant needs Python 3.11 or newer; $PYTHON was not found. Run: make PYTHON=python3.12"
        exit 1
    elif ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        say "paygrant needs Python 3.11 or newer; $PYTHON is $wanted. Run: make PYTHON=python3.12"
        exit 1
    fi
    say "creating $VENV with Python $wanted"
    if ! "$PYTHON" -m venv --clear "$VENV"; then
        rm -rf "$VENV"
        say "$PYTHON could not create $VENV. On Debian and Ubuntu, install python3-venv."
        exit 1
    fi
}

case $1 in
light)
    found=$(version_of "$VENV/bin/python")
    # An existing environment stays, unless it is broken or the caller names another Python.
    if [ -z "$found" ] || { [ -n "${PYTHON_IS_CHOSEN:-}" ] && [ "$found" != "$(version_of "$PYTHON")" ]; }; then
        create
    fi
    say "installing $(count_of scripts/requirements-light.txt) locked packages for make and make demo, less than a minute"
    install --require-hashes -r scripts/requirements-light.txt
    say "installing paygrant itself, editable"
    install --no-deps --no-build-isolation -e .
    ;;
whole)
    say "installing $(count_of scripts/requirements.txt) locked packages for tests, checks and documentation, a minute or two"
    install --require-hashes -r scripts/requirements.txt
    ;;
*)
    say "expected light or whole"
    exit 2
    ;;
esac
