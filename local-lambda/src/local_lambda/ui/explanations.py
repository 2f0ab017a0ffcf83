"""What the states, spans and marks of the page are: short texts for readers who have only the page.

Each names the entry of the glossary and the lesson that have more; a test compares them with the repository.
"""

from __future__ import annotations

from typing import NamedTuple

from local_lambda.timeline.model import MARKS, SPANS
from local_lambda.ui import states


class Explanation(NamedTuple):
    """A text, a term of GLOSSARY.md, and the walkthrough that shows it: a file of the repository."""

    text: str
    term: str
    lesson: str


STATES = {
    states.COLD: Explanation(
        "Nothing runs yet, or a reset has ended all processes. The next invocation has to wait for an Init phase: a"
        " cold start.",
        "cold start",
        "hello-python3.8/README.md",
    ),
    states.INITIALIZING: Explanation(
        "The Init phase: extensions start and register, then the runtime starts and imports the function's module. Ten"
        " seconds at most.",
        "Init phase",
        "external-extension-layer/README.md",
    ),
    states.RESTORING: Explanation(
        "SnapStart: the environment continues from a snapshot, and runs the function's hooks for that. This takes the"
        " place of an Init phase.",
        "SnapStart",
        "local-lambda/docs/versions-and-tenants.md",
    ),
    states.SNAPSHOT: Explanation(
        "SnapStart: the Init phase of a version has run once in this process. It serves no invocation; environments are"
        " restored from it.",
        "SnapStart",
        "local-lambda/docs/versions-and-tenants.md",
    ),
    states.IDLE: Explanation(
        "The environment is warm. Runtime and extensions have asked for their next event and wait for it. On AWS it"
        " would be frozen now.",
        "idle",
        "external-extension-layer/README.md",
    ),
    states.FROZEN: Explanation(
        "All processes are stopped in the middle of whatever they did. The next invocation lets them continue; to them"
        " no time has passed.",
        "freeze",
        "extension-toolbox/README.md",
    ),
    states.BUSY: Explanation(
        "One invocation is in progress. It is over when the runtime and every extension have asked for the next event,"
        " which can be later than the response.",
        "Invoke phase",
        "external-extension-layer/README.md",
    ),
    states.ENDING: Explanation(
        "All processes have to end: the runtime gets SIGTERM, extensions a SHUTDOWN event, and what is left is killed."
        " This happens at the end of an environment, and after a crash or a timeout.",
        "Shutdown phase",
        "internal-extension/README.md",
    ),
    states.ENDED: Explanation(
        "The environment is gone, with its /tmp and all that the function kept in memory.",
        "spindown",
        "external-extension-layer/README.md",
    ),
}
_SPANS = {
    "start": ("Init phase", "hello-python3.8/README.md"),
    "register": ("Extensions API", "external-extension-layer/README.md"),
    "handler": ("handler", "hello-python3.8/README.md"),
    "response": ("response streaming", "response-streaming/README.md"),
    "overhead": ("runtime interface client", "hello-python3.8/README.md"),
    "event": ("extension", "external-extension-layer/README.md"),
    "shutdown": ("Shutdown phase", "internal-extension/README.md"),
    "frozen": ("freeze", "logs-api-extension/README.md"),
}
_MARKS = {
    "log": ("record", "logs-api-extension/README.md"),
    "delivery": ("subscription", "logs-api-extension/README.md"),
    "signal": ("Shutdown phase", "internal-extension/README.md"),
    "kill": ("Shutdown phase", "internal-extension/README.md"),
    "exit": ("Shutdown phase", "internal-extension/README.md"),
    "error": ("error JSON", "hello-python3.8/README.md"),
    "dropped": ("Telemetry API", "logs-api-extension/README.md"),
}
SUBSEGMENT = Explanation(
    "A part of the invocation's X-Ray trace: something that the function measured, such as a call of another service.",
    "segment",
    "hello-python3.8/README.md",
)
PHASE = Explanation(
    "A part of the environment's life: Init or Restore, one Invoke for each invocation, Shutdown. Each has its own"
    " scale.",
    "execution environment",
    "hello-python3.8/README.md",
)


def explanations() -> dict[str, dict[str, Explanation]]:
    """All of them, by kind and name."""
    return {
        "state": STATES,
        "span": {name: Explanation(f"{_sentence(text)}.", *_SPANS[name]) for name, text in SPANS.items()},
        "mark": {name: Explanation(f"{_sentence(text)}.", *_MARKS[name]) for name, text in MARKS.items()},
        "subsegment": {"": SUBSEGMENT},
        "phase": {"": PHASE},
    }


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
