"""The work, which takes time. This file is as it should be."""

import time


def write_rows():
    for number in (1, 2, 3):
        time.sleep(0.3)
        print("made row", number)
        yield f"row {number}\n"
