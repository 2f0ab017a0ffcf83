import fast


def handler(event, context):
    return fast.add(1, 2)
