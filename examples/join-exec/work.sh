#!/bin/sh
# The program of start.sh. It runs once the cluster is complete, and stops at SIGTERM. Seat 0 leads.
set -eu
trap 'echo "$XLREG_MEMBER_NAME stops"; exit 0' TERM
if [ "$XLREG_INDEX" = 0 ]; then role=leads; else role=follows; fi
others=$(node -e '
  const { members } = JSON.parse(require("node:fs").readFileSync(process.env.XLREG_ROSTER_FILE, "utf8"));
  const others = members.filter(({ id }) => id !== process.env.XLREG_MEMBER_ID);
  console.log(others.map(({ name, endPoints }) => `${name}=${endPoints[0]}`).join(" "));')
echo "$XLREG_MEMBER_NAME $role in $XLREG_CLUSTER; others: $others"
# The shell looks at a signal between two commands.
while :; do sleep 1 & wait $!; done
