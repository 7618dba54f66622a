"""Searches replayed on recorded learning curves; `benchmarks/search_cost.py` runs them."""
