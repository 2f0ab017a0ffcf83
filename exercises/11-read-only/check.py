"""The text comes back, and no file is next to the code."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    answer = run.invoke({"text": "all is well"})
    expect(
        not answer.failed and not run.code_has("report.txt"),
        saw=f"The caller got {answer.shown}." if answer.failed else "There is a file next to the code.",
        expected="a file in the folder that Lambda has for that",
        hint=1,
    )
    expect(answer.payload == "all is well", saw=f"The caller got {answer.shown}.", expected='"all is well"', hint=3)
