"""The handler looks up prices, which take a while to load."""

import time


def load_prices():
    print("LOADING")
    time.sleep(0.2)
    return {"tea": 3, "cake": 4}


def handler(event, context):
    prices = load_prices()
    return prices[event["item"]]
