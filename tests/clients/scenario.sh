#!/bin/bash
# scenario.sh ENGINE NAME: run one scenario. Exit status 0: passed, 77: skipped, anything else: failed.
#
# Gives scenarios $scratch, a directory of their own, and the words of harness.sh.
set -eEu
export LC_ALL=C.UTF-8
engine=$1
scenario=$2
scratch=$WORK/scratch/$engine-$scenario
mkdir -p "$scratch"
trap 'echo "at: $BASH_COMMAND" >&2' ERR

. "$WORK/tests/harness.sh"
. "$WORK/tests/engines/$engine.sh"
for file in $scenario_files; do
    . "$WORK/tests/scenarios/$file.sh"
done
"scenario_$scenario"
