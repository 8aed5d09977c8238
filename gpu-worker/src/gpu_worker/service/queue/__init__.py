"""The service's jobs, and what it stores of them."""
