"""Makes reports. Its import takes half a second, as that of a large library does."""

import time

time.sleep(0.5)
print("IMPORTED reports")


def make():
    return "a report"
