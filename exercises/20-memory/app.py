"""The handler adds up the sizes of many pieces."""


def pieces():
    for _ in range(300):
        yield bytes(1_000_000)


def handler(event, context):
    everything = [bytearray(piece) for piece in pieces()]
    return sum(len(piece) for piece in everything)
