"""The caller of the function's URL gets the rows one by one."""

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
