#!/bin/sh
# Inside the guest: install the wheels of dist/ into an environment of their own and run a command with it.
set -eu
environment=$HOME/pyouki-environment
if [ ! -e "$environment" ]; then
    python3 -m venv --without-pip --system-site-packages "$environment"
    PYTHONPATH=$(echo /usr/share/python-wheels/pip-*.whl) "$environment/bin/python" -m pip install \
        --quiet --no-index --no-deps --disable-pip-version-check dist/*.whl
fi
PATH=$environment/bin:$PATH
export PATH
exec "$@"
