"""Today's price of a share. There is no market here: the price follows from the symbol."""

PRICES = {"NWL": 42, "ASL": 77}


class UnknownSymbol(Exception):
    """No share has this symbol."""


def handler(event, context):
    if event["symbol"] not in PRICES:
        raise UnknownSymbol(f"no share is called {event['symbol']}")
    return {"price": PRICES[event["symbol"]]}
