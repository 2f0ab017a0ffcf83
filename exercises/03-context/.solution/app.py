"""The handler says which invocation this is."""


def handler(event, context):
    return {"id": context.aws_request_id, "left": context.get_remaining_time_in_millis()}
