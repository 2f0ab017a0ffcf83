"""Fails when fewer interpreters were tested than the machine has: a skipped environment must be a missing Python."""

import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from examples import offer_all_of_pyenv, read_pythons


def installed(version: str) -> bool:
    """Whether `python<version>` runs here."""
    try:
        return subprocess.run(["python" + version, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main() -> int:
    """Compare tox's result with the machine; the exit status is 1 when something was left out."""
    with open(sys.argv[1], encoding="utf-8") as file:
        environments = json.load(file)["testenvs"]
    tested = set()
    for name, environment in environments.items():
        match = re.search(r"-py3(\d+)$", name)
        if match and environment.get("test"):
            tested.add("3." + match[1])
    offer_all_of_pyenv()
    present = [version for version in read_pythons() if installed(version)]
    missing = [version for version in present if version not in tested]
    print("Pythons on this machine: {}; tested: {}".format(", ".join(present), ", ".join(sorted(tested))))
    if missing:
        print("not tested although installed: {}".format(", ".join(missing)), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
