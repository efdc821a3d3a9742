"""What the applicant's homes are worth together, and how old they are."""


def handler(event, context):
    homes = event["homes"]
    return {
        "total": sum(home["estimatedValue"] for home in homes),
        "built": {home["type"]: home["yearBuilt"] for home in homes},
    }
