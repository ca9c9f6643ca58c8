#!/bin/sh
# Joins a cluster as NAME, and runs work.sh once all its members are there. Run it on each node:
#
#   NAME=alice END_POINT=10.0.0.1:4001 XLREG_REGISTRY=regCred.dat ./start.sh
#
# CLUSTER, SIZE and WAIT (seconds) have defaults; XLREG is the command line of xlReg.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "${XLREG:-xlreg}" join "${CLUSTER:-web}" --create --size "${SIZE:-3}" \
  --name "$NAME" --end-point "$END_POINT" --wait "${WAIT:-600}" --exec "exec '$here/work.sh'"
