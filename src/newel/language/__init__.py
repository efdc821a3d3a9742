"""The Amazon States Language: text to a typed model or located diagnostics. Pure."""
