"""The handler adds up the sizes of many pieces."""


def pieces(count):
    for number in range(count):
        yield b"x" * (1_000_000 + number)


def handler(event, context):
    return sum(len(piece) for piece in pieces(event["count"]))
