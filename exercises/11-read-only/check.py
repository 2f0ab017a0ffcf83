"""The text comes back, also from a later invocation, and this run has put no file next to the code."""

import uuid

from learn.checks import Run, expect


def check(run: Run) -> None:
    text = f"all is well {uuid.uuid4()}"
    answer = run.invoke({"text": text})
    file = run.code / "report.txt"
    beside = file.exists() and text in file.read_text(errors="replace")  # not of an earlier run
    expect(
        not answer.failed and not beside,
        saw=f"The caller got {answer.shown}." if answer.failed else "The function has written next to the code.",
        expected="a file in the folder that Lambda has for that",
        hint=1,
    )
    expect(answer.payload == text, saw=f"The caller got {answer.shown}.", expected=f'"{text}"', hint=3)
    later = run.invoke({})
    expect(
        later.payload == text,
        saw=f"An event without a text got {later.shown}.",
        expected="the report that the invocation before has written",
        hint=3,
    )
