"""The caller of the function's URL gets the rows one by one, the first before the others are made."""

from learn.checks import Run, expect

PROPERTIES = {
    "FunctionUrlConfig": {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"},
    "Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "./start_streaming"}},
}
ROWS = ["row 1\n", "row 2\n", "row 3\n"]


def check(run: Run) -> None:
    pieces = run.read_pieces()
    expect(
        "".join(pieces) == "".join(ROWS),
        saw=f"The caller got {''.join(pieces)!r}.",
        expected="three rows",
        hint=2,
    )
    expect(
        pieces == ROWS,
        saw=f"The caller got the report in {len(pieces)} piece{'s'[: len(pieces) != 1]}.",
        expected="a piece for each row",
        hint=1,
    )
    run.end()
    made = [event["at"] for event in run.events("function") if str(event["record"]).startswith("made row 2")]
    expect(
        bool(made) and first_piece(run) < made[0],
        saw="The first piece was sent after the other rows had been made.",
        expected="that row 1 is sent before row 2 is made",
        hint=2,
    )


def first_piece(run: Run) -> float:
    """When Lambda got the first piece: `responseLatency` is the time from the start of the invocation until then."""
    spans = {span["name"]: span["durationMs"] for span in run.events("platform.runtimeDone")[0]["record"]["spans"]}
    return run.events("platform.start")[0]["at"] + spans["responseLatency"] / 1000
