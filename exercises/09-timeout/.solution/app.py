"""The handler works on items, for as long as it may."""

import time


def work(item):
    time.sleep(0.3)
    print("worked on", item)


def handler(event, context):
    done = 0
    for item in event["items"]:
        if context.get_remaining_time_in_millis() < 400:
            break
        work(item)
        done += 1
    return {"done": done, "left": len(event["items"]) - done}
