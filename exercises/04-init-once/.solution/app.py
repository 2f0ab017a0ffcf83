"""The handler looks up prices, which take a while to load."""

import time


def load_prices():
    print("LOADING")
    time.sleep(0.2)
    return {"tea": 3, "cake": 4}


PRICES = load_prices()


def handler(event, context):
    return PRICES[event["item"]]
