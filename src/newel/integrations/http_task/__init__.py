"""HTTP Task: `http:invoke`, with the authorization and the way of an EventBridge connection."""
