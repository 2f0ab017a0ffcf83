"""The function returns in time, its numbers are right, and it uses the time that it has."""

from learn.checks import Run, expect

PROPERTIES = {"Timeout": 1}


def check(run: Run) -> None:
    done = count_done(run, 5)
    expect(done > 0, saw="No item was done.", expected="as many as there is time for", hint=3)
    few = count_done(run, 1)
    expect(few == 1, saw="A single item was not done.", expected="as many as there is time for", hint=3)
    with run.again({"Timeout": 20}) as long:
        all_done = count_done(long, 5)
    expect(
        all_done == 5,
        saw=f"With 20 seconds, {all_done} of five items were done.",
        expected="all of them: the context knows how much time is left",
        hint=2,
    )


def count_done(run: Run, count: int) -> int:
    """How many of these items were really done, which is what the function has to return."""
    answer = run.invoke({"items": list(range(count))})
    expect(
        not answer.failed,
        saw=f"The caller got {answer.shown}.",
        expected="a response before the time is up",
        hint=2,
    )
    done = sum(line.startswith("worked on") for line in answer.lines)
    expect(
        answer.payload == {"done": done, "left": count - done},
        saw=f"The function worked on {done} of {count} items, and returned {answer.shown}.",
        expected=f'{{"done": {done}, "left": {count - done}}}',
        hint=3,
    )
    return done
