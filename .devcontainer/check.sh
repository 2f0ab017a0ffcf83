#!/usr/bin/env bash
# Says at the start what would fail later.
set -uo pipefail

for version in 3.8 3.9 3.10 3.11 3.12 3.13 3.14; do
  "python$version" -c '' 2>/dev/null || echo "Python $version is missing: its tests are skipped"
done
if unshare --user --map-root-user --mount true 2>/dev/null; then
  echo "user namespaces work: functions run in a sandbox"
else
  echo "user namespaces are closed: functions run without a sandbox, in their own folders (see local-lambda/README.md)"
fi
podman info >/dev/null 2>&1 || echo "podman does not run here: images cannot be built"
aws --version >/dev/null 2>&1 || echo "the AWS CLI is missing"
echo "make run runs every example; make test runs all tests"
