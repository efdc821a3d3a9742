"""The validator's rules, one module per subject. Each takes JSON as it came and reports; none raises."""
