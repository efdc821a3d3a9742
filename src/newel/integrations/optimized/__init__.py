"""The optimized integrations that are calls of AWS APIs: tables, and code where AWS's behaviour differs from them."""
