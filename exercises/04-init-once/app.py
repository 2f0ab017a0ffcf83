"""The handler looks up prices, which take a while to load."""

import json
import os
import time


def load_prices():
    print("LOADING")
    time.sleep(0.2)
    return json.loads(os.environ["PRICES"])


def handler(event, context):
    prices = load_prices()
    return prices[event["item"]]
