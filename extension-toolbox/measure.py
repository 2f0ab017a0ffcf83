"""Measure what each tool costs: the function without any, with each one alone, and with all of them.

    python measure.py [--runs N] [--count N] LOCAL_LAMBDA

Prints the medians of all runs. What a tool costs is the difference to the line `none`.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median
from typing import Dict, List, NamedTuple, Optional, Tuple

FOLDER = Path(__file__).resolve().parent
TOOLS: Dict[str, Tuple[List[str], Optional[str]]] = {
    "none": ([], None),
    "config-cache": (["config-cache"], None),
    "telemetry-to-s3": (["telemetry-to-s3"], None),
    "time-imports": ([], "/opt/wrappers/time-imports"),
    "runtime-proxy": (["runtime-proxy"], "/opt/wrappers/use-proxy"),
    "all four": (["config-cache", "telemetry-to-s3", "runtime-proxy"], "/opt/wrappers/all"),
}


class Costs(NamedTuple):
    """Milliseconds, and megabytes."""

    init: float
    function: float
    invocation: float
    memory: float


def write_template(folder: Path, extensions: List[str], wrapper: Optional[str]) -> Path:
    """Write the example's template for a layer with only these extensions, and the layer."""
    with zipfile.ZipFile(str(FOLDER / "package/extension.zip")) as package:
        for entry in package.infolist():
            path = Path(entry.filename)
            if path.parts[0] != "extensions" or path.name in extensions:
                os.chmod(package.extract(entry, str(folder / "layer")), entry.external_attr >> 16)
    (folder / "layer/extensions").mkdir(exist_ok=True)
    text = (FOLDER / "template.yaml").read_text(encoding="utf-8")
    text = text.replace("ContentUri: package/extension.zip", f"ContentUri: {folder / 'layer'}")
    text = text.replace("CodeUri: app\n", f"CodeUri: {FOLDER / 'app'}\n")
    setting = f"AWS_LAMBDA_EXEC_WRAPPER: {wrapper}\n" if wrapper else "\n"
    text = re.sub(r"AWS_LAMBDA_EXEC_WRAPPER: .*\n", setting, text)
    (folder / "template.yaml").write_text(text, encoding="utf-8")
    return folder / "template.yaml"


def measure(local_lambda: str, tool: str, count: int) -> Costs:
    """Run one environment; the first invocation is not counted, because in it the cache is empty."""
    extensions, wrapper = TOOLS[tool]
    event = "order.json" if "config-cache" in extensions else "order-without-coupon.json"
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        template = write_template(Path(folder), extensions, wrapper)
        command = [local_lambda, "invoke", "-t", str(template), "OrdersFunction", "-e", str(FOLDER / "events" / event)]
        command += ["--count", str(count + 1), "--python", str(FOLDER / ".venv/bin/python"), "--report", "json"]
        run = subprocess.run(command, capture_output=True)
        if run.returncode:
            last = "\n".join(run.stderr.decode().splitlines()[-10:])
            sys.exit(f"{last}\nmeasure.py: {tool}: {local_lambda} ended with status {run.returncode}")
    metrics: Dict[str, List[Dict[str, float]]] = {}
    for each in json.loads(run.stdout)["events"]:
        if "metrics" in each.get("record", ""):
            metrics.setdefault(each["type"], []).append(each["record"]["metrics"])
    return Costs(
        metrics["platform.initReport"][0]["durationMs"],
        median(each["durationMs"] for each in metrics["platform.runtimeDone"][1:]),
        median(each["durationMs"] for each in metrics["platform.report"][1:]),
        metrics["platform.report"][-1]["maxMemoryUsedMB"],
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("local_lambda")
    options = parser.parse_args()
    print(f"Medians of {options.runs} environments with {options.count} warm invocations each")
    print(f"{'tool':<16} {'Init':>9} {'function':>10} {'invocation':>10} {'memory':>9}")
    for tool in TOOLS:
        runs = [measure(options.local_lambda, tool, options.count) for _ in range(options.runs)]
        init, function, invocation, memory = (median(column) for column in zip(*runs))
        print(f"{tool:<16} {init:>6.0f} ms {function:>7.2f} ms {invocation:>7.2f} ms {memory:>6.0f} MB", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
