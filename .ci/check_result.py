"""Says at the end what failed and why, and fails when a Python of the machine was left out.

The log of a run has tens of thousands of lines, so the failed tests are repeated where a reader looks: at its end.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from examples import offer_all_of_pyenv, read_pythons

LINES = 6  # of each kind, for each environment
CHARACTERS_OF_LINE = 300


def installed(version: str) -> bool:
    """Whether `python<version>` runs here."""
    try:
        return subprocess.run(["python" + version, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def find_failures(environment: dict) -> list:
    """Return what the failed commands of an environment say: the failed tests and the reasons, else the last lines."""
    lines = []
    for run in environment.get("setup", []) + environment.get("test", []):
        if run["retcode"] == 0:
            continue
        output = [line.rstrip() for line in (run["output"] + run["err"]).splitlines() if line.strip()]
        tests = [line for line in output if re.match(r"(FAILED|ERROR) ", line)]
        reasons = [line for line in output if re.match(r"E   ", line)]
        lines += tests[:LINES] + reasons[:LINES] or output[-LINES:]
    return [line[:CHARACTERS_OF_LINE] for line in lines]


def find_untested(environments: dict) -> list:
    """Return the Pythons of the machine on which nothing was tested: a skipped environment must be a missing Python."""
    tested = set()
    for name, environment in environments.items():
        match = re.search(r"-py3(\d+)$", name)
        if match and environment.get("test"):
            tested.add("3." + match[1])
    offer_all_of_pyenv()
    present = [version for version in read_pythons() if installed(version)]
    print("Pythons on this machine: {}; tested: {}".format(", ".join(present), ", ".join(sorted(tested))))
    return [version for version in present if version not in tested]


def main() -> int:
    """Read tox's result; the exit status is 1 when something failed or was left out."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    if not text:
        print("tox left no result: it did not get as far as the tests", file=sys.stderr)
        return 1
    environments = json.loads(text)["testenvs"]
    untested = find_untested(environments)
    if untested:
        print("not tested although installed: {}".format(", ".join(untested)), file=sys.stderr)
    failed = {name: it for name, it in environments.items() if it.get("result", {}).get("exit_code")}
    for name, environment in failed.items():
        print("{} failed:".format(name), file=sys.stderr)
        for line in find_failures(environment):
            print("  " + line, file=sys.stderr)
    return 1 if untested or failed else 0


if __name__ == "__main__":
    sys.exit(main())
