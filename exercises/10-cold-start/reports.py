"""Makes reports. Its import takes half a second, as that of a large library does. This file is as it should be."""

import time

time.sleep(0.5)
print("IMPORTED reports")


def make():
    return "a report"
