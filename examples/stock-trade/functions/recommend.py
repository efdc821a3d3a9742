"""How many shares to trade: as many as the budget buys."""


def handler(event, context):
    return {"shares": event["budget"] // event["price"]}
